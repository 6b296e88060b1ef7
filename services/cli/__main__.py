"""python -m jagawana.services.cli …"""

from jagawana.services.cli import main

main()
