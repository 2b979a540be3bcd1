"""What there is to choose from, read off Hauberk's own source files: importing torch would take seconds."""
