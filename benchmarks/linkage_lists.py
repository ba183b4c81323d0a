"""`townlake link` on lists of persons, beside plain Splink: pairwise precision, recall and F1, time, memory.

    python benchmarks/linkage_lists.py --febrl FOLDER          # dataset3.csv, dataset4a.csv, dataset4b.csv
    python benchmarks/linkage_lists.py --people 1000000        # Chinese records without an identifier, and plain Splink on them
    python benchmarks/linkage_lists.py --figures 50000         # many corrupt records of each person, made up

Truth is used only to score. The specs below name what each column is, nothing else; every run is a process of its own,
whose peak memory and wall-clock time (start and reading included) are reported.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

FEBRL = """unique_id: rec_id
columns: {given_name: name, surname: name, street_number: number, address_1: text, address_2: text, suburb: text,
          postcode: code, state: code, date_of_birth: date, soc_sec_id: identifier}
"""
PEOPLE = """unique_id: id
columns: {name: name, born: date, phone: phone, address: address}
"""
FIGURES = """unique_id: unique_id
columns: {full_name: name, first_and_surname: name, first_name: name, surname: name, dob: date, birth_place: text,
          postcode_fake: code, gender: code, occupation: text, cluster: ignore}
"""


# ---- made-up lists ----------------------------------------------------------------------------------------------------

SURNAMES = "王李张刘陈杨黄赵周吴徐孙马胡朱郭何罗高林郑梁谢唐许冯宋韩邓彭曹曾田萧潘袁蔡蒋余于杜叶程魏苏吕丁沈任姚卢姜崔钟谭陆汪范廖石金贾韦夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛段郝顾龚邵覃武戴莫孔向汤"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英华玲桂兰平刚文辉红霞建国春梅志海燕飞鹏宇浩欣怡梓涵子轩雨晨佳琪思雅诗婷雪琳倩博俊凯旭鑫宁波斌龙林峰玉珍凤莲淑贞云香荣爱东成康光天安义兴良友仁柏松青山月亮星辰嘉慧颖莉萍璐瑶琴瑞祥永贵富德福寿昌盛学礼家栋树森立新民"
HOMOPHONES = {"伟": "炜", "芳": "方", "丽": "莉", "静": "婧", "杰": "洁", "涛": "韬", "辉": "晖", "霞": "侠", "燕": "艳", "宇": "雨", "琪": "淇", "怡": "仪", "欣": "鑫", "玉": "毓", "华": "桦", "明": "铭", "军": "君", "颖": "莹", "慧": "惠", "梅": "玫", "林": "琳", "云": "芸", "平": "萍", "志": "智", "佳": "嘉"}  # fmt: skip
ROADS = "北关大街 大海阳路 永达街 观海路 通世南路 工商大街 青年路 幸福中路 胜利路 解放路 建设路 新华街 文化宫街 南大街 西炮台路 机场路 红旗西路 白石路 只楚路 凤凰台路".split()  # noqa: SIM905
ESTATES = [
    "阳光花园",
    "锦绣家园",
    "金桥小区",
    "东方明珠",
    "万光福园",
    "佳音园",
    "黄海城市花园",
    "御金台",
    "丽景苑",
    "天泰馨园",
    "百合新城",
    "书香苑",
]


def make_people(out: Path, rows: int, seed: int = 1) -> None:
    """Three in ten rows repeat another person's row with slips of the pen: name, birth date, phone and address, each may
    be wrong or missing. Column `person` is the truth."""
    con = duckdb.connect()
    con.execute("set memory_limit = '4GB'")
    names = f"list_value({', '.join(repr(c) for c in SURNAMES)})"
    given = f"list_value({', '.join(repr(c) for c in GIVEN)})"
    roads = f"list_value({', '.join(repr(c) for c in ROADS)})"
    estates = f"list_value({', '.join(repr(c) for c in ESTATES)})"
    sounds = "".join(HOMOPHONES), "".join(HOMOPHONES.values())
    originals = rows * 7 // 10

    def draw(key: str, salt: str, below: int) -> str:
        return f"(hash({key}, '{salt}{seed}') % {below})"

    def share(key: str, salt: str) -> str:
        return f"(hash({key}, '{salt}{seed}') % 1000000 / 1000000.0)"

    # Common surnames and given names are far commoner than rare ones.
    con.execute(
        f"""create table person as
            select n as person,
                   {names}[1 + floor(power({share("n", "s")}, 2.2) * {len(SURNAMES)})::int]
                   || {given}[1 + floor(power({share("n", "g")}, 1.4) * {len(GIVEN)})::int]
                   || case when {share("n", "two")} < 0.85 then {given}[1 + floor(power({share("n", "h")}, 1.4) * {len(GIVEN)})::int] else '' end as name,
                   strftime(date '1930-01-01' + {draw("n", "b", 31000)}::int, '%Y-%m-%d') as born,
                   '1' || [3, 5, 7, 8, 9][1 + {draw("n", "p1", 5)}::int] || lpad({draw("n", "p2", 1000000000)}::text, 9, '0') as phone,
                   '烟台市芝罘区' || case when {share("n", "a")} < 0.6 then {roads}[1 + {draw("n", "r", len(ROADS))}::int] || (1 + {draw("n", "no", 300)})::text || '号'
                        else {estates}[1 + {draw("n", "e", len(ESTATES))}::int] end
                   || (1 + {draw("n", "bl", 30)})::text || '号楼' || (1 + {draw("n", "u", 6)})::text || '单元' || (101 + 100 * {draw("n", "fl", 18)} + {draw("n", "d", 4)})::text || '室' as address
            from range({originals}) as t(n)"""
    )
    con.execute(
        f"""create table repeated as
            select m, person.* replace (
                case when {share("m", "ne")} < 0.06 then translate(name, '{sounds[0]}', '{sounds[1]}')
                     when {share("m", "ne")} < 0.10 then substr(name, 1, length(name) - 1) || {given}[1 + {draw("m", "nx", len(GIVEN))}::int]
                     when {share("m", "ne")} < 0.12 then substr(name, 1, 1) || reverse(substr(name, 2))
                     when {share("m", "ne")} < 0.14 then substr(name, 1, 2) else name end as name,
                case when {share("m", "be")} < 0.05 then null
                     when {share("m", "be")} < 0.09 then substr(born, 1, 8) || lpad((1 + {draw("m", "bd", 28)})::text, 2, '0')
                     when {share("m", "be")} < 0.12 then substr(born, 1, 5) || lpad((1 + {draw("m", "bm", 12)})::text, 2, '0') || substr(born, 8)
                     when {share("m", "be")} < 0.15 then (substr(born, 1, 4)::int + 1)::text || substr(born, 5)
                     when {share("m", "be")} < 0.30 then replace(born, '-', '') else born end as born,
                case when {share("m", "pe")} < 0.15 then null
                     when {share("m", "pe")} < 0.25 then '1' || (3 + {draw("m", "q1", 7)})::text || lpad({draw("m", "q2", 1000000000)}::text, 9, '0')
                     when {share("m", "pe")} < 0.31 then substr(phone, 1, 3 + {draw("m", "qa", 7)}::int) || {draw("m", "qd", 10)}::text || substr(phone, 5 + {draw("m", "qa", 7)}::int)
                     else phone end as phone,
                case when {share("m", "ae")} < 0.08 then null
                     when {share("m", "ae")} < 0.20 then '烟台市芝罘区' || {roads}[1 + {draw("m", "ar", len(ROADS))}::int] || (1 + {draw("m", "an", 300)})::text || '号' || (1 + {draw("m", "ab", 30)})::text || '号楼'
                     when {share("m", "ae")} < 0.45 then replace(replace(replace(address, '号楼', '-'), '单元', '-'), '室', '')
                     when {share("m", "ae")} < 0.60 then replace(address, '烟台市', '') else address end as address)
            from (select m, {draw("m", "of", originals)} as person from range({rows - originals}) as t(m)) as chosen
            join person using (person)"""
    )
    con.execute(
        f"""copy (select row_number() over (order by hash(person, source, m)) as id, name, born, phone, address, person
                  from (select *, 0 as m, 'o' as source from person union all by name select *, 'r' as source from repeated)
                  order by id) to '{out}' (format parquet)"""
    )


FIRST = "william john thomas george henry charles james robert edward richard joseph samuel arthur frederick alfred walter francis david hugh alexander mary elizabeth anne margaret jane sarah alice charlotte catherine emily edwin herbert ernest philip daniel peter benjamin nicholas matthew stephen".split()  # noqa: SIM905
NICK = {"william": "bill", "john": "jack", "thomas": "tom", "robert": "bob", "edward": "ted", "richard": "dick", "henry": "harry", "charles": "charlie", "james": "jim", "joseph": "joe", "samuel": "sam", "elizabeth": "betty", "margaret": "peggy", "francis": "frank", "alexander": "alec", "frederick": "fred", "mary": "molly", "catherine": "kate"}  # fmt: skip
SYLLABLES = "ash bar cal den el fair gra hal ing kem lan mar nor orm pen rad sher thor wal wick ton ley ford ham worth by ster field man son bury gate".split()  # noqa: SIM905
PLACES = "london edinburgh manchester bristol norwich york dublin glasgow leeds oxford cambridge bath exeter liverpool birmingham durham chester plymouth nottingham worcester lincoln hull derby ipswich reading".split()  # noqa: SIM905
WORK = "politician writer painter clergyman botanist cricketer architect lawyer soldier engineer actor poet physician merchant historian composer sculptor journalist judge banker".split()  # noqa: SIM905


def make_figures(out: Path, rows: int, seed: int = 1) -> None:
    """Many records of each person, damaged and incomplete: aliases, titles, lost parts of names, dates off by one part or
    only the year, moved postcodes, a fifth of the cells empty; fathers and sons of one name. Column `cluster` is the truth."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rnd = random.Random(seed)
    ends = ["", "", *SYLLABLES]
    surnames = sorted({rnd.choice(SYLLABLES) + rnd.choice(SYLLABLES) + rnd.choice(ends) for _ in range(2500)})
    postcodes = {
        place: [f"{place[:2].upper()}{rnd.randint(1, 29)} {rnd.randint(1, 9)}{a}{b}" for a in "ABDE" for b in "FGHJ"]
        for place in PLACES
    }
    lines: list[tuple[str | None, ...]] = []
    person, surname, place = 0, surnames[0], PLACES[0]
    while len(lines) < rows:
        person += 1
        if person % 12:  # every twelfth is of the family before
            surname, place = rnd.choice(surnames), rnd.choice(PLACES)
        first = rnd.choice(FIRST)
        known = Figure(
            first, rnd.choice(FIRST) if rnd.random() < 0.4 else "", surname,
            rnd.choice(["sir ", "lord ", ""]) if rnd.random() < 0.15 else "",
            rnd.randint(1600, 1900), *((1, 1) if rnd.random() < 0.15 else (rnd.randint(1, 12), rnd.randint(1, 28))),
            place, rnd.choice(postcodes[place]), "female" if first in FIRST[20:30] else "male", rnd.choice(WORK),
        )  # fmt: skip
        for copy in range(max(1, min(28, int(rnd.expovariate(1 / 9.5)) + 1))):
            lines.append((f"Q{person}-{copy + 1}", f"Q{person}", *_record(known, copy > 0, surnames, postcodes, rnd)))
    rnd.shuffle(lines)
    columns = "unique_id cluster full_name first_and_surname first_name surname dob birth_place postcode_fake gender occupation".split()  # noqa: SIM905
    pq.write_table(pa.table(dict(zip(columns, (list(c) for c in zip(*lines[:rows], strict=True)), strict=True))), out)


class Figure(NamedTuple):
    """A person as he was."""

    first: str
    middle: str
    surname: str
    title: str
    year: int
    month: int
    day: int
    place: str
    postcode: str
    sex: str
    work: str


def _record(
    known: Figure, damaged: bool, surnames: list[str], postcodes: dict[str, list[str]], rnd: random.Random
) -> list[str | None]:
    """What one source says: as it was, or with losses and slips."""
    first, surname, born = known.first, known.surname, (known.year, known.month, known.day)
    postcode, work = known.postcode, known.work
    if damaged:
        first = rnd.choices(
            [first, NICK.get(first, first), known.middle or rnd.choice(FIRST), _slip(first, rnd), first[0]],
            [69, 15, 7, 6, 3],
        )[0]
        surname = rnd.choices([surname, _slip(surname, rnd), rnd.choice(surnames)], [83, 12, 5])[0]
        year, month, day = born
        off = [
            (year + rnd.choice([-1, 1, 10, -10]), month, day),
            (year, rnd.randint(1, 12), day),
            (year, month, rnd.randint(1, 28)),
        ]
        born = rnd.choices([born, *off], [70, 10, 10, 10])[0]
        moved = rnd.choice(PLACES) if rnd.random() < 0.3 else known.place
        postcode = postcode if rnd.random() < 0.7 else rnd.choice(postcodes[moved])
        work = work if rnd.random() < 0.75 else rnd.choice(WORK)
    title = known.title if rnd.random() < 0.7 else ""
    full = " ".join(part for part in (title + first, known.middle if rnd.random() < 0.6 else "", surname) if part)
    place = known.place if rnd.random() < 0.85 else _slip(known.place, rnd)
    shown: list[str | None] = [
        full, f"{first} {surname}", first, surname, f"{born[0]}-{born[1]:02d}-{born[2]:02d}", place, postcode, known.sex, work,
    ]  # fmt: skip
    empty = {4: 0.12, 5: 0.2, 6: 0.2, 7: 0.2, 8: 0.25} if damaged else {}
    for column, share in empty.items():
        if rnd.random() < share:
            shown[column] = None
    if damaged and (lost := rnd.choices([None, 2, 3], [92, 5, 3])[0]):
        shown[1] = shown[lost] = None
    return shown


def _slip(text: str, rnd: random.Random) -> str:
    """One letter lost, doubled, changed or two exchanged."""
    at = rnd.randrange(max(1, len(text) - 1))
    return rnd.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + text[at : at + 1] + text[at:],
            text[:at] + rnd.choice("aeiorstn") + text[at + 1 :],
            text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
        ]
    )


# ---- plain Splink -----------------------------------------------------------------------------------------------------


def plain_splink(source: Path, out: Path) -> None:
    """A usual Splink model of the Chinese records, written by hand: its links as Parquet."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    con = duckdb.connect()
    con.execute(
        f"""create table people as select id as unique_id, name, replace(born, '-', '') as born, phone, address
            from read_parquet('{source}')"""
    )
    api = DuckDBAPI(con)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.LevenshteinAtThresholds("name", 3).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("born", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
            cl.JaroWinklerAtThresholds("address", [0.95, 0.88]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("phone"), block_on("name", "born"), block_on("name", "address"), block_on("born", "substr(name, 1, 1)"),
        ],
        retain_matching_columns=False,
    )  # fmt: skip
    linker = Linker(api.register("people"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("phone"), block_on("name", "born")], recall=0.9
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (block_on("phone"), block_on("name", "born")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    links = linker.inference.predict(threshold_match_probability=0.5)
    con.execute(
        f"""copy (select unique_id_l as left_id, unique_id_r as right_id, match_probability from {links.physical_name})
            to '{out}' (format parquet)"""
    )


# ---- measuring --------------------------------------------------------------------------------------------------------


def measured(command: list[str]) -> tuple[float, int]:
    """Runs a command; wall-clock seconds, its start included, and its peak memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        said = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{' '.join(command)} failed: {said[-2000:]}")
    return time.perf_counter() - started, usage.ru_maxrss >> 10


def compare(links: Path, truth: str) -> dict[str, float]:
    """Pairwise precision, recall and F1 of a file of links; truth: SQL of distinct pairs (a, b), as text."""
    con = duckdb.connect()
    con.execute(f"create table truth as {truth}")
    con.execute(
        f"""create table found as select distinct least(x, y) as a, greatest(x, y) as b
            from (select left_id::varchar as x, right_id::varchar as y from read_parquet('{links}'))"""
    )
    row = con.execute(
        """select (select count(*) from truth join (select least(a, b) as a, greatest(a, b) as b from found) using (a, b)),
                  (select count(*) from found), (select count(*) from truth)"""
    ).fetchone()
    assert row is not None
    right, found, true = row
    return {"precision": right / max(found, 1), "recall": right / max(true, 1), "f1": 2 * right / max(found + true, 1)}


def same(relation: str, key: str, person: str) -> str:
    """The true pairs of one table in which `person` says who it is."""
    return f"""select distinct least(a.{key}::varchar, b.{key}::varchar) as a, greatest(a.{key}::varchar, b.{key}::varchar) as b
               from {relation} as a join {relation} as b on a.{person} = b.{person} and a.{key}::varchar <> b.{key}::varchar"""


def run(what: str, tables: list[Path], spec: str, truth: str, folder: Path) -> None:
    """One line of results: `townlake link` on these tables."""
    (folder / "spec.yaml").write_text(spec, encoding="utf-8")
    links = folder / "links.parquet"
    command = [str(Path(sys.executable).with_name("townlake")), "link", *map(str, tables)]
    seconds, peak = measured([*command, "--spec", str(folder / "spec.yaml"), "--out", str(links), "--json"])
    show(what, compare(links, truth), seconds, peak)


def show(what: str, found: dict[str, float], seconds: float, peak: int) -> None:
    print(
        f"{what}: F1 {found['f1']:.5f}, precision {found['precision']:.5f}, recall {found['recall']:.5f}, {seconds:.1f} s, {peak} MiB"
    )


def febrl(source: Path, folder: Path) -> None:
    ids = "(select trim(rec_id) as rec_id, regexp_extract(rec_id, 'rec-([0-9]+)-', 1) as person from read_csv([{}], all_varchar = true, normalize_names = true, union_by_name = true))"
    third = source / "dataset3.csv"
    run("FEBRL 3", [third], FEBRL, same(ids.format(f"'{third}'"), "rec_id", "person"), folder)
    fourth = [source / "dataset4a.csv", source / "dataset4b.csv"]
    both = ids.format(", ".join(f"'{path}'" for path in fourth))
    run("FEBRL 4", fourth, FEBRL, same(both, "rec_id", "person"), folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--febrl", type=Path, metavar="FOLDER")
    parser.add_argument("--people", type=int, metavar="ROWS")
    parser.add_argument("--figures", type=int, metavar="ROWS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--splink", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.splink:
        plain_splink(*options.splink)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.febrl:
            febrl(options.febrl, folder)
        if options.figures:
            table = folder / "figures.parquet"
            make_figures(table, options.figures, options.seed)
            run("figures", [table], FIGURES, same(f"read_parquet('{table}')", "unique_id", "cluster"), folder)
        if options.people:
            table, links = folder / "people.parquet", folder / "splink.parquet"
            make_people(table, options.people, options.seed)
            truth = same(f"read_parquet('{table}')", "id", "person")
            run("Chinese records", [table], PEOPLE, truth, folder)
            seconds, peak = measured([sys.executable, __file__, "--splink", str(table), str(links)])
            show("plain Splink on them", compare(links, truth), seconds, peak)


if __name__ == "__main__":
    main()
