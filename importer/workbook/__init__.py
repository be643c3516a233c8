"""Workbooks: the package (zip parts), the reader, the writer, the template and the marked copy."""
