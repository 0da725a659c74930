"""A whole folder on the page, chosen or dropped, in a real browser."""

from tests.service.test_page import browser, open_page, pytestmark  # noqa: F401

#: A drop of a folder, as a browser hands it over: entries, whose content comes in portions.
DROP = """() => import("./static/session/arrivals.js").then(({ droppedFiles }) => {
    const file = (name) => ({ isFile: true, name, file: (done) => done(new File(["x"], name)) });
    const folder = (name, ...inside) => ({ isFile: false, name, createReader: () => {
        const portions = [inside.slice(0, 1), inside.slice(1), []];
        return { readEntries: (done) => done(portions.shift()) };
    } });
    const dropped = folder("day", file("p10.npy"), file("p9.npy"), file(".hidden"),
        file("Thumbs.db"), folder("more", file("p1.npy")));
    const items = [{ webkitGetAsEntry: () => dropped }, { webkitGetAsEntry: () => file("z.npy") }];
    return droppedFiles({ items, files: [] });
}).then((files) => files.map(({ name }) => name))"""


def test_files_of_folders_come_in_the_order_of_their_names(open_page):  # noqa: F811
    # Numbers count as numbers; what the system keeps there is left out.
    assert open_page().evaluate(DROP) == ["p1.npy", "p9.npy", "p10.npy", "z.npy"]


def test_a_folder_is_chosen(open_page, tmp_path, repository):  # noqa: F811
    content = (repository / "examples" / "sto-001-300kV_42nm.npy").read_bytes()
    folder = tmp_path / "day"
    folder.mkdir()
    for name in ("b.npy", "a.npy", ".hidden", "notes.txt"):
        (folder / name).write_bytes(content if name.endswith("npy") else b"x")
    page = open_page()
    page.set_input_files("#folder", folder)
    page.wait_for_selector("#preview:not([hidden])")
    assert page.inner_text("#submit") == "Work through 2 files"
    assert "notes.txt" in page.inner_text("#error")
