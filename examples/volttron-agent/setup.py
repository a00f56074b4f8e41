from setuptools import setup

# `vctl install` builds a wheel of this folder and starts the entry point below.
setup(
    name="voltbridgeagent",
    version="1.0",
    packages=["voltbridge_agent"],
    install_requires=["volttron", "paho-mqtt>=1.6,<3"],
    entry_points={"setuptools.installation": ["eggsecutable = voltbridge_agent.agent:main"]},
)
