"""What breaks: processes killed, connections cut, crowds."""
