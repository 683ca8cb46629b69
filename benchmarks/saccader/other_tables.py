"""Tables beside the policies': what hiding the looks costs, and other classifiers at the places."""

from benchmarks.common.rows import read_rows
from benchmarks.saccader.seeds import percents


def occlusion():
    rows = read_rows("saccader_occlusion")
    lines = ["| recipe | hidden | share of the pixels | ResNet's accuracy |", "|---|---|---|---|"]
    for recipe, hidden in dict.fromkeys((row["recipe"], row["hidden"]) for row in rows):
        found = [row for row in rows if (row["recipe"], row["hidden"]) == (recipe, hidden)]
        lines.append(
            f"| {recipe} | {hidden} | {percents([row['share'] for row in found])} | {percents([row['accuracy'] for row in found])} |"
        )
    return "\n".join(lines)


def patches():
    names = ["recipe", "classifier", "parameters", "window, px", "brought to, px", "epochs", "accuracy", "Saccader's own", "gain"]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    rows = read_rows("saccader_patches")
    for recipe, backbone in dict.fromkeys((row["recipe"], row["backbone"]) for row in rows):
        found = [row for row in rows if (row["recipe"], row["backbone"]) == (recipe, backbone)]
        cells = [f"{found[0]['parameters']:,}", *(str(found[0][name]) for name in ("window_pixels", "input_pixels", "epochs"))]
        cells += [percents([row[name] for row in found]) for name in ("accuracy", "saccader", "gain")]
        lines.append(f"| {recipe} | {backbone} | {' | '.join(cells)} |")
    if all(row["gain"] <= 0 for row in rows):
        lines += ["", "None gains."]
    return "\n".join(lines)
