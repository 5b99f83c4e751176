"""The video gate: speaks RTMP with publishers, and hands what it has checked to the media server behind it.

Standard library only: it runs in the media server's image. How it fits in: docs/video.md.
"""
