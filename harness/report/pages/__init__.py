"""View models of the pages: frozen, complete, so that templates only lay out."""
