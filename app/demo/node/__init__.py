"""The demo's Node applications and the packages that they need."""
