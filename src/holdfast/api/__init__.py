"""The HTTP API: the v1 contract and what Holdfast adds beside it. `app.create_app` makes it from services.

Routes stand in `routes`, one module per noun; what they share stands beside this file. Work is done by `operations`.
"""
