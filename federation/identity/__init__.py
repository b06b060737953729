"""Who a node is: keys, descriptors, and what they say of its organisation."""
