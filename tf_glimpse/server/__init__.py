"""An embedded server that speaks TF-Serving's REST API over an exported model.

For a laptop, a demo, a test; production runs `tensorflow_model_server` on the same folder (see `serving/README.md`).
"""

from tf_glimpse.server.run import running_server, serve, wait_until_ready

__all__ = ["running_server", "serve", "wait_until_ready"]
