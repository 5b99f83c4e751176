from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "hetri.demo"
    label = "demo"
