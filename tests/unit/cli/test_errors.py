import json

import pytest

from holdfast import errors as all_errors
from holdfast.cli import errors
from holdfast.cli.errors import exit_code, tell_error
from holdfast.cli.output import Output, forget_consoles
from holdfast.errors import (
    CatalogBusy,
    CatalogError,
    Conflict,
    CredentialRefused,
    Damaged,
    DefinitionError,
    HoldfastError,
    InputError,
    NotFound,
    ObjectMissing,
    SourceUnreachable,
    StorageFull,
    StorageUnavailable,
    VaultError,
    WorkerElsewhere,
    WrongKey,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), errors.USAGE),
        (NotFound("x"), errors.USAGE),
        (Conflict("x"), errors.USAGE),
        (DefinitionError("x"), errors.USAGE),
        (InputError("x", code="key_missing"), errors.CONFIGURATION),
        (InputError("x", field="HOLDFAST_PORT"), errors.CONFIGURATION),
        (WrongKey("x"), errors.CONFIGURATION),
        (VaultError("x", code="vault_missing"), errors.CONFIGURATION),
        (CatalogError("x", code="catalog_missing"), errors.CONFIGURATION),
        (CatalogError("x", code="catalog_not_migrated"), errors.CONFIGURATION),
        (CredentialRefused("x"), errors.SOURCE),
        (SourceUnreachable("x"), errors.SOURCE),
        (StorageUnavailable("x"), errors.STORAGE),
        (StorageFull("x"), errors.STORAGE),
        (CatalogBusy("x"), errors.STORAGE),
        (Damaged("x", object_name="packs/1"), errors.DAMAGED),
        (ObjectMissing("x"), errors.DAMAGED),
        (CatalogError("x", code="catalog_damaged"), errors.DAMAGED),
        (WorkerElsewhere("x"), errors.WORKER),
        (HoldfastError("x"), errors.DEFECT),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.code}" if isinstance(value, HoldfastError) else str(value),
)
def test_exit_codes(error: HoldfastError, code: int) -> None:
    assert exit_code(error) == code


def test_every_class_of_errors_has_an_exit_code() -> None:
    classes = [one for one in vars(all_errors).values() if isinstance(one, type) and issubclass(one, HoldfastError)]
    told = [kind for kind, _ in errors.EXIT_CODES if kind is not HoldfastError]
    untold = [one for one in classes if one is not HoldfastError and not issubclass(one, tuple(told))]
    assert untold == []


def test_an_error_is_one_sentence_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    forget_consoles()
    code = tell_error(Output(), NotFound("there is no \x1b instance", hint="make one"))
    assert (code, capsys.readouterr()) == (2, ("", "error: there is no \N{REPLACEMENT CHARACTER} instance\nmake one\n"))


def test_an_error_for_machines_is_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    forget_consoles()
    tell_error(Output(as_json=True), NotFound('no "instance"', hint=None))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {
        "error": {"code": "not_found", "message": 'no "instance"', "hint": None}
    }  # fmt: skip
