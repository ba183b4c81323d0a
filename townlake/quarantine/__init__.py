"""The quarantine as work for the departments: refused rows go out as workbooks, corrections come back and are replayed."""
