"""An index of recipes and classes, read off Hauberk's own source files: importing torch would take seconds."""
