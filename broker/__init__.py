"""The broker: topics, our client, publishing, subscribing, and who may connect."""
