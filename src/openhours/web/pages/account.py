"""`/account`: a user's password, and the end of all of their sessions."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from openhours.accounts import administration
from openhours.accounts.access_control import CurrentUser, ServerAccounts
from openhours.accounts.browser_sessions import sent_cookie, set_cookie, sign_in
from openhours.accounts.schemas import PasswordChange
from openhours.api.dependencies import ClientAddress
from openhours.api.error_responses import refusal_response
from openhours.errors import OpenhoursError, Unauthenticated
from openhours.web.errors import copy_headers
from openhours.web.forms import validated, wrong_fields
from openhours.web.render import page

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
async def account(request: Request, user: CurrentUser, done: str = "") -> Response:
    """Show the forms; `done` is the one that was sent last."""
    return page(request, "account.html", user=user, done=done)


@router.post("/password")
async def change_password(
    request: Request,
    accounts: ServerAccounts,
    user: CurrentUser,
    address: ClientAddress,
    old_password: Annotated[str, Form(max_length=1024)] = "",
    new_password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """Change the password; this browser stays signed in, all others do not."""
    try:
        values = {"old_password": old_password, "new_password": new_password}
        new = validated(PasswordChange, values)
        await administration.change_password(
            accounts.engine, user, new.old_password, new.new_password, address
        )
    except OpenhoursError as error:
        answer = refusal_response(error)
        is_wrong = isinstance(error, Unauthenticated)
        wrong = {"old_password": "this is not your password"} if is_wrong else wrong_fields(error)
        # Not 401: who sends it is known.
        status = 422 if is_wrong else answer.status_code
        response = page(request, "account.html", status, user=user, done="", wrong=wrong)
        copy_headers(answer, response)
        return response
    done = RedirectResponse("/account?done=password", 303)
    set_cookie(request, done, await sign_in(accounts.engine, user=user))
    return done


@router.post("/sign_out_everywhere")
async def sign_out_everywhere(
    request: Request, accounts: ServerAccounts, user: CurrentUser, address: ClientAddress
) -> Response:
    """End all sessions but this browser's."""
    await administration.sign_out_everywhere(
        accounts.engine, user, address, keep_cookie=sent_cookie(request)
    )
    return RedirectResponse("/account?done=everywhere", 303)
