"""What is made for the project's own pages: matrices and figures. Not part of the package."""
