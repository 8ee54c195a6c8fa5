"""``python -m medcnn COMMAND``: the installed command, for launchers that start modules."""

from medcnn.cli import main

if __name__ == "__main__":
    main()
