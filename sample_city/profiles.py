"""Usual defects of usual columns. The rates are those of a labelled sample of such deliveries."""

from __future__ import annotations

from sample_city.defects import Defect


def _scaled(scale: float, **rates: float) -> tuple[Defect, ...]:
    return tuple(Defect(kind, rate * scale) for kind, rate in rates.items())


def register_ids(scale: float = 1.0) -> tuple[Defect, ...]:
    """Numbers typed or exported by a register: no spreadsheet in between."""
    return _scaled(
        scale,
        id_15_digit=0.0055,
        id_lower_x=0.045,
        id_star_x=0.005,
        id_spaces=0.0044,
        id_bad_check=0.0041,
        id_apostrophe=0.0029,
        id_fullwidth=0.0025,
        id_transposed=0.0022,
        id_short=0.0012,
    )


def spreadsheet_ids(scale: float = 1.0) -> tuple[Defect, ...]:
    """Numbers that went through a spreadsheet."""
    return _scaled(
        scale,
        id_excel_000=0.022,
        id_excel_float=0.006,
        id_15_digit=0.010,
        id_lower_x=0.09,
        id_spaces=0.012,
        id_bad_check=0.010,
        id_transposed=0.007,
    )


def person_names(scale: float = 1.0) -> tuple[Defect, ...]:
    """Names as clerks write them; rare characters are the ones that suffer."""
    return _scaled(
        scale,
        name_rare_lost=0.60,
        name_rare_variant=0.75,
        name_dot=0.32,
        name_space=0.0097,
        name_traditional=0.0075,
        name_homophone=0.0040,
        name_note=0.0016,
        name_kangxi=0.004,
    )


def phones(blank: float = 0.027, scale: float = 1.0) -> tuple[Defect, ...]:
    """Telephones: what is missing, and the ways of writing them."""
    return (
        Defect("blank", blank),
        *_scaled(scale, phone_dash=0.021, phone_old7=0.0105, phone_prefix=0.0097, null_word=0.008, phone_short=0.0041),
    )


def full_addresses(scale: float = 1.0) -> tuple[Defect, ...]:
    """Addresses from the province down."""
    return _scaled(
        scale,
        addr_no_province=0.05,
        addr_office=0.013,
        fullwidth=0.0108,
        spaces=0.0077,
        addr_old_name=0.05,
        addr_repeat_head=0.0006,
    )


def local_addresses(scale: float = 1.0) -> tuple[Defect, ...]:
    """Addresses below the town."""
    return _scaled(scale, addr_dashes=0.07, addr_hash=0.055, fullwidth=0.012, spaces=0.004)
