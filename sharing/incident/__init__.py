"""The STIX 2.1 incident extension suite: incidents, their impacts and events, written and read.

What is written is strict and of one dialect, D2 (revision 07). What others wrote is read in all
four, into values that are the same whatever it was written in; what is odd about it is remarked.
"""
