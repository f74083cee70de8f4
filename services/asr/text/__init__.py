"""From recognised to useful text: correction, normalisation."""
