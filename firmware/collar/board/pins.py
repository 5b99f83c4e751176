"""Which pin does what, by board. Porting starts here."""

# Freenove ESP32-S3-WROOM CAM, as its pin-out drawing has it: the camera takes GPIO 4 to 13 and 15 to 18, the card
# 38 to 40, its own LED is 2. Analogue inputs must be on ADC1 (1 to 10), since Wi-Fi uses the other one.
FREENOVE_S3_CAM = {
    "board": "freenove_s3_cam",  # as releases are made for it
    "scl": 42,
    "sda": 41,
    "motor": 14,
    "beam": 21,
    "battery_adc": 1,
    "motor_adc": 3,
    "charging": 47,
    "button": 0,
    "led": 2,
}
