"""What others hand us in their own forms: read into findings, decided by nobody here.

`recognise` is the way in; each form has one module.
"""
