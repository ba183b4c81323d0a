"""Doubtful pairs as work for people: listed, out as workbooks, decisions back in and obeyed by every later build."""
