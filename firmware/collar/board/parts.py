"""Puts the drivers together from a board's pins; `machine` is the board's, or the simulation's."""

from board.battery import LipoBattery
from board.camera import OvCamera
from board.dispenser import MotorDispenser
from board.lis3dh import Lis3dh

I2C_HZ = 400_000
MOTOR_HZ = 20_000


def accelerometer(machine, pins):
    """The LIS3DH on its bus."""
    return Lis3dh(machine.I2C(0, scl=machine.Pin(pins["scl"]), sda=machine.Pin(pins["sda"]), freq=I2C_HZ))


def dispenser(machine, pins, **timing):
    """Motor, light barrier and the motor's current."""
    motor = machine.PWM(machine.Pin(pins["motor"], machine.Pin.OUT), freq=MOTOR_HZ, duty_u16=0)
    beam = machine.Pin(pins["beam"], machine.Pin.IN, machine.Pin.PULL_UP)
    return MotorDispenser(motor, beam, machine.ADC(machine.Pin(pins["motor_adc"])), **timing)


def battery(machine, pins):
    """The cell and the charger's sign."""
    charging = machine.Pin(pins["charging"], machine.Pin.IN, machine.Pin.PULL_UP)
    return LipoBattery(machine.ADC(machine.Pin(pins["battery_adc"])), charging)


def camera(api, log):
    """The camera, or None if the driver finds none; `api` is the driver's module."""
    try:
        return OvCamera(api)
    except (OSError, RuntimeError) as error:
        log("no_camera", error=error)
        return None
