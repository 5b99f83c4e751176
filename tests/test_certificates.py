"""A new certificate reaches every port, and nobody is cut (with a real authority: `./dev soak certificates`)."""

import json
import runpy
import shutil
import socket
import ssl
from pathlib import Path

from devkit import tls
from devkit.bootstrap import ROOT
from devkit.instance import Instance
from hetri.testing import wait_for

PORTS = ("HETRI_HTTPS_PORT", "HETRI_MQTTS_PORT", "HETRI_RTMPS_PORT")
