"""A tour of the foundation: what came in, what it became, how good it is, and one question answered.

    marimo edit notebooks/tour.py       look and change, cell by cell
    python notebooks/tour.py            run it as a script
    make notebooks                      one page that opens without internet

It reads the last published foundation of TOWNLAKE_HOME and writes nothing. Names and numbers of persons are masked in
every answer; who may see them in full asks for one record with `townlake why person <id>`.
"""

# ruff: noqa: PLR1711 - marimo ends every cell with a return

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="底座导览")


@app.cell(hide_code=True)
def opening():
    import marimo as mo

    mo.md("""
    # 底座导览

    各部门投放的文件，经过读取、标准化、检查和关联，成为一套可以信任的底座：人、组织、地点、事件和网格。
    这一页从最近一次发布的底座出发，看收到了什么、变成了什么、质量怎样，并回答一个实际问题：**谁该领高龄津贴而没有领**。

    页中的姓名、证件号码和电话都已遮盖。
    """)
    return (mo,)


@app.cell(hide_code=True)
def connection(mo):
    import sys
    from contextlib import ExitStack

    from warehouse.errors import TownlakeError
    from warehouse.home import Home
    from warehouse.lake import reading

    stack = ExitStack()
    try:
        lake = stack.enter_context(reading(Home.from_environment()))
    except TownlakeError as fault:
        if mo.running_in_notebook():
            mo.stop(True, mo.callout(str(fault), kind="warn"))
        print(f"tour: {fault}", file=sys.stderr)
        sys.exit(fault.exit_code)

    lake.execute("""
        create or replace temp macro masked_name(name) as left(name, 1) || repeat('*', greatest(length(name) - 1, 1));
        create or replace temp macro masked_number(number) as
            case when length(number) < 6 then repeat('*', length(number))
            else left(number, 3) || repeat('*', length(number) - 4) || right(number, 1) end;
        create or replace temp macro masked_value(attribute, value) as case
            when value is null then null
            when attribute = 'name' then masked_name(value)
            when attribute in ('id_number', 'household_number', 'phone') then masked_number(value)
            when attribute in ('birth_date', 'death_date') then left(value, 4) || '-**-**'
            when attribute = 'area_code' then left(value, 9) || '***'
            else value end;
        create or replace temp macro masked_id(id) as left(id, 6) || '…';
    """)

    def ask(query):
        """Rows of a query on the published foundation, as a polars frame."""
        return lake.execute(query).pl()

    return ask, lake, stack


@app.cell(hide_code=True)
def drawing():
    import altair as alt

    colour = {"blue": "#2a5f9e", "green": "#2f7d5b", "red": "#b3342b", "gold": "#d1973b", "grey": "#9aa5b1"}
    axis = {
        "gridColor": "#e8ecf0", "domainColor": "#c3cad3", "tickColor": "#c3cad3", "labelColor": "#3c4754", "labelFontSize": 12,
        "labelLimit": 220, "titleColor": "#5a6675", "titleFontSize": 12, "titleFontWeight": "normal",
    }  # fmt: skip

    def polished(chart, height=None):
        """The one look of all charts."""
        sized = chart.properties(width=620) if height is None else chart.properties(width=620, height=height)
        return (
            sized.configure(font="Microsoft YaHei, PingFang SC, Noto Sans CJK SC, sans-serif", background="#ffffff")
            .configure_axis(**axis)
            .configure_legend(title=None, orient="top", labelFontSize=12, labelColor="#3c4754")
            .configure_title(anchor="start", fontSize=13, color="#3c4754", fontWeight="normal")
            .configure_view(stroke=None)
        )

    return alt, colour, polished


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 最近一次发布

    底座按“构建”更新：新交付走完所有层、通过每一道质量门之后才发布。没有发布的半成品，读的人看不到。
    """)
    return


@app.cell
def last_build(ask):
    build = ask("""
        select build_id as 构建, strftime(started_at + interval 8 hours, '%Y-%m-%d %H:%M') as 开始（北京时间）,
            round(date_diff('millisecond', started_at, finished_at) / 1000.0, 1) as 用时秒,
            lake_snapshot as 快照, len(deliveries) as 新交付, code_version as 程序版本
        from foundation.build
        where published
        order by finished_at desc
        limit 5
    """)
    build
    return


@app.cell
def gates(ask):
    gate = ask("""
        select layer as 层, count(*) as 检查项, count(*) filter (success) as 通过,
            count(*) filter (not success and severity = 'critical') as 严重不通过,
            count(*) filter (not success and severity <> 'critical') as 提醒
        from quality.gate_result
        where build_id = (select max_by(build_id, finished_at) from foundation.build where published)
        group by layer
        order by min(ran_at)
    """)
    gate
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 交付与守恒

    每读到一行数据，要么进入底座，要么整行放进隔离区并写明原因，一行都不会丢：**读到 = 接受 + 隔离**。
    """)
    return


@app.cell
def conservation(ask):
    balance = ask("""
        select dataset as 数据集, count(*) as 交付, sum(data_rows)::bigint as 读到, sum(accepted)::bigint as 接受,
            sum(quarantined)::bigint as 隔离, (sum(data_rows) - sum(accepted) - sum(quarantined))::bigint as 差额
        from foundation.delivery
        where status = 'taken'
        group by dataset
        order by dataset
    """)
    balance
    return (balance,)


@app.cell(hide_code=True)
def conservation_said(balance, mo):
    read, gap = balance["读到"].sum(), balance["差额"].sum()
    accepted, set_aside = balance["接受"].sum(), balance["隔离"].sum()
    mo.md(
        f"共读到 **{read:,}** 行，接受 {accepted:,} 行，隔离 {set_aside:,} 行，差额 **{gap:,}** 行。"
        + ("" if gap else "守恒成立。")
    )
    return


@app.cell
def conservation_drawn(alt, balance, colour, polished):
    rows = balance.unpivot(["接受", "隔离"], index="数据集", variable_name="去向", value_name="行")
    polished(
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("行:Q", title="数据行"),
            y=alt.Y("数据集:N", title=None, sort="-x"),
            color=alt.Color(
                "去向:N", scale=alt.Scale(domain=["接受", "隔离"], range=[colour["green"], colour["gold"]])
            ),
        )
    )
    return


@app.cell
def not_taken(ask):
    refused = ask("""
        select file as 文件, case status when 'refused' then '未接收' when 'held' then '暂缓' when 'withdrawn' then '撤回'
                else status end as 状态, reason as 原因
        from foundation.delivery
        where status <> 'taken'
        order by file
        limit 15
    """)
    refused
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 底座里有什么

    同一个人、同一家单位、同一个地点会在许多文件里出现。每一次出现叫一次“提及”，关联把说同一件事的提及归到一条黄金记录上。
    """)
    return


@app.cell
def entities(ask):
    entity = ask("""
        with golden as (
            select 1 as nth, '人' as name, count(*) as records from foundation.person
            union all select 2, '组织', count(*) from foundation.organisation
            union all select 3, '地点', count(*) from foundation.place
            union all select 4, '事件', count(*) from foundation.event
            union all select 5, '户', count(*) from foundation.household
        ),
        said as (
            select 1 as nth, count(*) as mentions from foundation.person_mention
            union all select 2, count(*) from foundation.organisation_mention
            union all select 3, count(*) from foundation.place_mention
            union all select 4, count(*) from foundation.event_mention
        )
        select name as 实体, records as 黄金记录, mentions as 提及
        from golden
        left join said on golden.nth = said.nth
        order by golden.nth
    """)
    entity
    return (entity,)


@app.cell
def entities_drawn(alt, colour, entity, polished):
    counted = entity.drop_nulls().unpivot(["黄金记录", "提及"], index="实体", variable_name="种类", value_name="数量")
    polished(
        alt.Chart(counted)
        .mark_bar()
        .encode(
            x=alt.X("数量:Q", title=None),
            y=alt.Y("实体:N", title=None, sort=["人", "组织", "地点", "事件"]),
            yOffset=alt.YOffset("种类:N", sort=["提及", "黄金记录"]),
            color=alt.Color(
                "种类:N", scale=alt.Scale(domain=["提及", "黄金记录"], range=[colour["grey"], colour["blue"]])
            ),
        )
    )
    return


@app.cell
def in_how_many_sources(alt, ask, colour, polished):
    spread = ask("""
        with known as (
            select person_id, count(distinct dataset) as sources
            from foundation.person_mention
            where person_id is not null
            group by person_id
        )
        select sources as 来源数, count(*) as 人数
        from known
        group by sources
        order by sources
    """)
    polished(
        alt.Chart(spread, title="每个人出现在几种数据里")
        .mark_bar(color=colour["blue"])
        .encode(x=alt.X("来源数:O", title="数据集个数", axis=alt.Axis(labelAngle=0)), y=alt.Y("人数:Q", title="人数")),
        height=180,
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 人口年龄结构

    底座中健在的人，按性别和五岁一组，以最近一次交付的数据日期计算周岁。
    """)
    return


@app.cell
def ages(ask):
    pyramid = ask("""
        with today as (select max(delivered_on) as day from foundation.delivery where status = 'taken'),
        aged as (
            select sex_code, least(date_sub('year', birth_date, today.day) // 5, 20) as band
            from foundation.person cross join today
            where is_alive and birth_date <= today.day and sex_code in ('1', '2')
        )
        select band::integer as 组, case when band = 20 then '100+' else band * 5 || '–' || (band * 5 + 4) end as 年龄,
            case sex_code when '1' then '男' else '女' end as 性别, count(*) as 人数
        from aged
        group by band, sex_code
        order by band, sex_code
    """)
    return (pyramid,)


@app.cell
def ages_drawn(alt, colour, polished, pyramid):
    import polars as pl

    side = pl.when(pl.col("性别") == "男").then(-pl.col("人数")).otherwise(pl.col("人数"))
    mirrored = pyramid.with_columns(side.alias("向"))
    polished(
        alt.Chart(mirrored)
        .mark_bar()
        .encode(
            x=alt.X("向:Q", title="← 男　　人数　　女 →", axis=alt.Axis(labelExpr="format(abs(datum.value), ',')")),
            y=alt.Y("年龄:O", title=None, sort=alt.EncodingSortField("组", op="min", order="descending")),
            color=alt.Color("性别:N", scale=alt.Scale(domain=["男", "女"], range=[colour["blue"], colour["red"]])),
        ),
        height=360,
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 五级区划

    市、县（市、区）、镇街、社区（村）、网格：每一级的个数，以及其中有健在居民的个数。
    """)
    return


@app.cell
def levels(ask):
    level = ask("""
        with lived as (
            select distinct unnest([
                left(area_code, 4) || '00000000', left(area_code, 6) || '000000', left(area_code, 9) || '000', area_code,
                grid_code]) as code
            from foundation.person
            where is_alive
        ),
        unit as (
            select code, level from foundation.area where valid_to is null
            union all
            select code, 'grid' from foundation.grid where valid_to is null
        )
        select case level when 'city' then '市' when 'county' then '县（市、区）' when 'town' then '镇街'
                when 'community' then '社区（村）' when 'grid' then '网格' else level end as 级别,
            count(*) as 个数, count(lived.code) as 有居民
        from unit
        left join lived on unit.code = lived.code
        group by level
        order by list_position(['city', 'county', 'town', 'community', 'grid'], level)
    """)
    level
    return


@app.cell
def towns(alt, ask, colour, polished):
    town = ask("""
        select county.name || ' ' || town.name as 镇街, count(*) as 人数
        from foundation.person as person
        join foundation.area as town on left(person.area_code, 9) || '000' = town.code and town.valid_to is null
        join foundation.area as county on town.parent = county.code and county.valid_to is null
        where person.is_alive
        group by all
        order by 人数 desc, 镇街
        limit 12
    """)
    polished(
        alt.Chart(town, title="健在居民最多的镇街")
        .mark_bar(color=colour["blue"])
        .encode(x=alt.X("人数:Q", title=None), y=alt.Y("镇街:N", title=None, sort="-x"))
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 数据质量

    每一个交来时不合规范的单元格，都记下原文、标准值、用了哪条规则、结果如何；每一行被拒的数据，都整行留在隔离区。
    """)
    return


@app.cell
def repairs(alt, ask, colour, polished):
    repair = ask("""
        with counted as (select rule, outcome, count(*) as cells from staging.repair group by rule, outcome),
        common as (select rule from counted group by rule order by sum(cells) desc, rule limit 12)
        select rule as 规则, cells as 单元格,
            case outcome when 'standardised' then '标准化' when 'repaired' then '修复' when 'nulled' then '置空'
                else '原样保留' end as 结果
        from counted
        where rule in (from common)
        order by 规则, 结果
    """)
    outcomes = {"标准化": "green", "修复": "gold", "置空": "red", "原样保留": "grey"}
    outcome_scale = alt.Scale(domain=list(outcomes), range=[colour[c] for c in outcomes.values()])
    polished(
        alt.Chart(repair, title="最常用的十二条规则")
        .mark_bar()
        .encode(
            x=alt.X("单元格:Q", title="单元格"),
            y=alt.Y("规则:N", title=None, sort="-x"),
            color=alt.Color("结果:N", scale=outcome_scale),
        )
    )
    return


@app.cell
def quarantined(ask):
    quarantine = ask("""
        select dataset as 数据集, rule as 规则, any_value(reason order by reason) as 例如, count(*) as 行数,
            count(*) filter (status = 'open') as 待处理
        from foundation.quarantine
        group by dataset, rule
        order by 行数 desc, 数据集, 规则
        limit 15
    """)
    quarantine
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 高龄津贴

    户籍在本市、健在、年满 80 周岁的人应当享受。把户籍、殡葬火化和津贴发放三种数据放在一起，
    能看出谁该领没领、谁去世了还在发。
    """)
    return


@app.cell
def findings(ask):
    finding = ask("""
        select case finding when 'entitled_not_paid' then '应领未领' when 'paid_but_dead' then '已去世仍在发'
                when 'paid_not_entitled' then '不符合仍在发' when 'paid_cannot_tell' then '在发，无法判断'
                when 'paid' then '正常发放' else '不享受' end as 结论,
            count(*) as 人数, round(avg(age_years), 1) as 平均年龄, sum(paid_monthly_cny)::double as 月发放元
        from marts.policy_old_age_allowance
        group by 结论
        order by 人数 desc, 结论
    """)
    finding
    return (finding,)


@app.cell
def findings_drawn(alt, colour, finding, polished):
    verdicts = {"正常发放": "green", "应领未领": "gold", "已去世仍在发": "red", "不符合仍在发": "red", "在发，无法判断": "gold",
                "不享受": "grey"}  # fmt: skip
    verdict_scale = alt.Scale(domain=list(verdicts), range=[colour[c] for c in verdicts.values()])
    polished(
        alt.Chart(finding)
        .mark_bar()
        .encode(
            x=alt.X("人数:Q", title="人数"),
            y=alt.Y("结论:N", title=None, sort=list(verdicts)),
            color=alt.Color("结论:N", legend=None, scale=verdict_scale),
        )
    )
    return


@app.cell
def allowance_by_county(ask):
    by_county = ask("""
        select coalesce(county.name, '（不详）') as 县市区, count(*) filter (finding = 'entitled_not_paid') as 应领未领,
            count(*) filter (finding = 'paid_but_dead') as 已去世仍在发,
            coalesce(sum(paid_monthly_cny) filter (finding = 'paid_but_dead'), 0)::double as 每月多发元
        from marts.policy_old_age_allowance as allowance
        left join foundation.area as county
            on left(allowance.area_code, 6) || '000000' = county.code and county.valid_to is null
        group by 县市区
        having 应领未领 + 已去世仍在发 > 0
        order by 已去世仍在发 desc, 应领未领 desc, 县市区
    """)
    by_county
    return


@app.cell
def paid_but_dead(ask):
    dead = ask("""
        select masked_id(allowance.person_id) as 人员, masked_name(allowance.name) as 姓名, age_years as 年龄,
            county.name as 县市区, strftime(death_date, '%Y-%m') as 去世年月,
            date_diff('month', death_date, as_of) as 已过月数, paid_monthly_cny::double as 月发放元
        from marts.policy_old_age_allowance as allowance
        left join foundation.area as county
            on left(allowance.area_code, 6) || '000000' = county.code and county.valid_to is null
        where finding = 'paid_but_dead'
        order by 已过月数 desc nulls last, allowance.person_id
        limit 10
    """)
    dead
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 一个人的值从哪里来

    黄金记录的每一个值都能追到文件、工作表和行；没有被选中的说法也都留着。下面取一位说法不一的人为例（内容已遮盖）。
    """)
    return


@app.cell
def somebody(ask):
    example = ask("""
        with candidate as (
            select person_id
            from foundation.person_mention
            where person_id is not null
            group by person_id
            order by count(distinct dataset) desc, person_id
            limit 200
        )
        select value.person_id,
            count(distinct value.attribute || value.value) - count(distinct value.attribute) as disagreements
        from foundation.person_value as value
        where value.person_id in (from candidate)
        group by value.person_id
        order by disagreements desc, value.person_id
        limit 1
    """)
    person_id = example["person_id"][0] if len(example) else None
    return (person_id,)


@app.cell
def origin_of_every_value(lake, person_id):
    origin = lake.execute(
        """
        select value.attribute as 属性, masked_value(value.attribute, value.value) as 值,
            case when bool_or(value.is_chosen) then '✓' else '' end as 采用,
            case max(value.survivorship_rule) filter (where value.is_chosen) when 'only_value' then '唯一的说法'
                when 'agreed' then '各来源一致' when 'current' then '仍在报送' when 'trust' then '来源最可信'
                when 'recent' then '最新' else max(value.survivorship_rule) filter (where value.is_chosen) end as 取值规则,
            count(distinct mention.delivery_id) as 交付数,
            arg_max(
                concat_ws(' · ', mention.file, mention.sheet, '第 ' || mention.row_number || ' 行'),
                (mention.delivered_on, mention.file, mention.row_number)) as 最近一次出处
        from foundation.person_value as value
        join foundation.person_mention as mention
            on value.content_id = mention.content_id and value.person_id = mention.person_id
        where value.person_id = $person_id
        group by value.attribute, value.value
        order by value.attribute, 采用 desc, 最近一次出处
        """,
        {"person_id": person_id},
    ).pl()
    origin
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 接着看

    - `townlake query "from marts.policy_old_age_allowance where finding = 'entitled_not_paid'"`：该领未领的名单
    - `townlake why person <person_id>`：一个人每个值的来历
    - `townlake query "from foundation.quarantine where status = 'open'"`：隔离区里等着改正的行
    - `outbox/<部门>/`：每个文件的回执
    """)
    return


if __name__ == "__main__":
    app.run()
