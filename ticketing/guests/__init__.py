"""社会参与: guests who answer calls under supervision (SMX 四(四))."""
