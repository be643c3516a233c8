"""
The user's script over a folder, one workbook after the other or several in threads.

    python user_script_folder.py FOLDER URL TOKEN [THREADS]

Each workbook is named for its batch: `BATCH_ID.xlsx`, so that no second sheet must be read.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import user_script


def main(folder, url, token, threads="1"):
    paths = sorted(Path(folder).glob("*.xlsx"))
    # Threads that open their first workbooks together can find pandas' readers half imported (AttributeError).
    pd.ExcelFile(paths[0]).close()
    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(lambda path: user_script.main(path, path.stem, url, token), paths))


if __name__ == "__main__":
    main(*sys.argv[1:])
