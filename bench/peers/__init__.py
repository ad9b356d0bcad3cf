"""Each peer as its own project documents it; a script pins its libraries in its header and runs on its own."""
