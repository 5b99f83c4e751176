"""What a publisher may take: bytes, time, pictures. Figures and their reasons: docs/decisions/rtmp-gate.md."""

CONNECTIONS = 256  # in all; nginx bounds those of one address
HANDSHAKE_S = 5.0
OPENING_S = 8.0  # from the first byte to the publish command
ADMISSION_S = 8.0  # Hetri's word and the media server's; nginx gives Hetri 5 s
FIRST_PICTURE_S = 8.0
READERS_COME_S = 2.0  # the transcoder needs 1 to 1.5 s until it plays; the pictures of this time follow at once
DELIMITERS = 20  # in this time
SILENCE_S = 5.0  # between two pictures that are good
CLOSING_S = 1.0

OPENING_BYTES = 16_384  # after the handshake, up to the publish command; ffmpeg and OBS send less than 1,000
LARGEST_MESSAGE = 1 << 20
HELD = 2 << 20  # bytes of unfinished messages of one connection, all chunk streams together
CHUNK_STREAMS = 32
COMMANDS = 100  # of one connection; encoders send about 8
CHUNKS_A_SECOND = 8_000  # 8 Mbit/s in the protocol's chunks of 128 bytes

LARGEST_PIXELS = 1920 * 1088
RICH_PIXELS = 1280 * 720  # of H.264 in 4:2:2, 4:4:4 or more than 8 bit: the transcoder makes it anew, in bounds
RICH_DEPTH = 10
JPEG_A_SECOND = 30
JPEG_PIXELS_A_SECOND = 10_000_000  # 640 x 480 at 30 a second, and a little
H264_A_SECOND = 60
NALS = 512  # in one picture; encoders send one for each slice
