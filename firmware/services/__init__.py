"""What happens with releases and jobs; the network comes after the commit."""
