"""Citizens' own pages, read as a browser without script reads them."""
