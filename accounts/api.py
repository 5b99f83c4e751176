"""/auth/... and /me."""

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import second_factor, sessions, tokens
from accounts.models import User
from accounts.signin import sign_in
from core.calls import ApiView, read, secret
from core.openapi import errors


class UserSerializer(serializers.ModelSerializer[User]):
    """A person as the API shows them to themselves."""

    class Meta:
        model = User
        fields = ["id", "name", "email", "role"]


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    otp = serializers.CharField(
        max_length=20, required=False, help_text="A code of the second factor, or a recovery code; when one is set."
    )


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class PairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(PairSerializer):
    user = UserSerializer()


class PublicView(ApiView):
    """A call that needs no one to be signed in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class LoginView(PublicView):
    @extend_schema(
        operation_id="log_in",
        request=LoginSerializer,
        responses={200: SignedInSerializer, **errors(400, 401, 403, 429)},
    )
    def post(self, request: Request) -> Response:
        """Sign in: an access token for 15 minutes, a refresh token that is good once."""
        given = read(LoginSerializer, request)
        prove = partial(second_factor.prove, otp=given.get("otp"))
        user = sign_in(request=request._request, email=given["email"], password=given["password"], prove=prove)
        return secret({**tokens.issue(user=user, request=request._request), "user": UserSerializer(user).data})


class RefreshView(PublicView):
    @extend_schema(
        operation_id="refresh_tokens", request=RefreshSerializer, responses={200: PairSerializer, **errors(400, 401)}
    )
    def post(self, request: Request) -> Response:
        """A new pair. The old refresh token is spent: good once more for 30 s, should the answer be lost, then its use
        ends the session."""
        return secret(tokens.rotate(refresh=read(RefreshSerializer, request)["refresh"], request=request._request))


class LogoutView(PublicView):
    @extend_schema(operation_id="log_out", request=RefreshSerializer, responses={204: None, **errors(400, 401)})
    def post(self, request: Request) -> Response:
        """End the session of this refresh token at once."""
        tokens.end(refresh=read(RefreshSerializer, request)["refresh"])
        return Response(status=204)


class LogoutAllView(ApiView):
    @extend_schema(operation_id="log_out_everywhere", request=None, responses={204: None, **errors(401, 403)})
    def post(self, request: Request) -> Response:
        """End every session of this person, browsers included."""
        sessions.end_all(user=request.auth.user)
        return Response(status=204)


class MeView(ApiView):
    @extend_schema(operation_id="get_me", responses={200: UserSerializer, **errors(401)})
    def get(self, request: Request) -> Response:
        """The caller."""
        return Response(UserSerializer(request.auth.user).data)
