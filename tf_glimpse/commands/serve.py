"""`tf-glimpse serve`: answers over REST."""

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("serve", help="answer REST requests", description="Serves the highest version in a folder.")
    command.add_argument("path", help="folder that `tf-glimpse export --out` wrote")
    command.add_argument("--name", default="model", help="the model's name in URLs (%(default)s)")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    command.add_argument("--port", type=int, default=8501, help="0 takes a free one (%(default)s)")
    command.add_argument("--max-body-bytes", type=arguments.count, help="longest request")
    command.add_argument("--max-pixels", type=arguments.count, help="most pixels in a request's images")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    from tf_glimpse.export.versions import highest_version

    highest_version(options.path)  # a folder without a model is refused before TensorFlow loads
    from tf_glimpse.server import serve

    limits = {name: getattr(options, name) for name in ("max_body_bytes", "max_pixels") if getattr(options, name)}
    url = f"/v1/models/{options.name}:predict"
    serve(
        options.path, options.name, options.port, options.host, ready=lambda base: print(f"Ready: POST {base}{url}", flush=True), **limits
    )
