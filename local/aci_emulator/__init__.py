"""A local Azure Resource Manager endpoint for Azure Container Instances.

`python -m aci_emulator` serves it; `docs/reference/aci-emulator.md` says what it does and does not do.
It knows nothing of the programs that call it.
"""
