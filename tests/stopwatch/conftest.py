"""The models and photos of the tests of deployment, which are measured here."""

from tests.deploy.conftest import photos, unet

__all__ = ["photos", "unet"]
