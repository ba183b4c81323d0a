"""Working on sources: the skeleton of a new one, the proof of a contract, the department's template, the pages."""
