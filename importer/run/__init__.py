"""A whole run over one workbook or thousands: what the doors call."""
