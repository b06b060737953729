"""Cases: their course, how each organisation is hit, what all of it comes to, what is decided."""
