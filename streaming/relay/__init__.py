"""The relay process: the fast view, the reader of nginx's log of viewings, the keeper of streams."""
