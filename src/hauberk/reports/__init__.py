"""Reports: what the files of finished runs say, as a page, as figures, as text. Records are read, never a network."""
