"""The account: who I am, how I sign in, what is signed in, and the way out."""
