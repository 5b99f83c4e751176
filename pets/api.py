"""/pets."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from core.calls import ApiView, PageQuery, page, read
from core.editions import match_of
from core.idempotency import answered_once
from core.names import require_visible
from core.openapi import EDITION, KEY, errors
from core.resources import page_of
from pets import services
from pets.models import Pet, validate_time_zone


class PetSerializer(serializers.ModelSerializer[Pet]):
    name = serializers.CharField(max_length=80, validators=[require_visible])
    time_zone = serializers.CharField(max_length=64, default="UTC", validators=[validate_time_zone])

    class Meta:
        model = Pet
        fields = ["id", "name", "species", "birthdate", "time_zone", "treats_per_day", "kcal_per_portion"]


PetPageSerializer = page_of(PetSerializer)


def _pet(pet: Pet, status: int = 200, **headers: str) -> Response:
    return Response(PetSerializer(pet).data, status=status, headers={"ETag": pet.edition, **headers})


class PetListView(ApiView):
    @extend_schema(
        operation_id="list_pets",
        parameters=[PageQuery],
        responses={200: PetPageSerializer, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """The caller's pets, newest first."""
        return page(request, Pet.objects.visible_to(request.auth.user), PetSerializer)

    @extend_schema(
        operation_id="create_pet",
        request=PetSerializer,
        parameters=[KEY],
        responses={201: PetSerializer, **errors(400, 401, 403, 409)},
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """Add a pet."""
        made = services.create_pet(owner=request.auth.user, fields=read(PetSerializer, request))
        return _pet(made, 201, Location=f"/pets/{made.pk}")


class PetView(ApiView):
    def _find(self, request: Request, pet_id: UUID) -> Pet:
        return get_object_or_404(Pet.objects.visible_to(request.auth.user), pk=pet_id)

    def _update(self, request: Request, pet_id: UUID, partial: bool) -> Response:
        pet = self._find(request, pet_id)
        given = read(PetSerializer, request, partial=partial)
        changes = {key: value for key, value in given.items() if key in request.data}
        return _pet(services.update_pet(pet=pet, changes=changes, match=match_of(request.headers)))

    @extend_schema(operation_id="get_pet", responses={200: PetSerializer, **errors(401, 404)})
    def get(self, request: Request, pet_id: UUID) -> Response:
        """One pet."""
        return _pet(self._find(request, pet_id))

    @extend_schema(
        operation_id="replace_pet",
        request=PetSerializer,
        parameters=[EDITION],
        responses={200: PetSerializer, **errors(400, 401, 403, 404, 412)},
    )
    def put(self, request: Request, pet_id: UUID) -> Response:
        """Change a pet; `name` is required, what is left out stays."""
        return self._update(request, pet_id, partial=False)

    @extend_schema(
        operation_id="change_pet",
        request=PetSerializer(partial=True),
        parameters=[EDITION],
        responses={200: PetSerializer, **errors(400, 401, 403, 404, 412)},
    )
    def patch(self, request: Request, pet_id: UUID) -> Response:
        """Change some fields of a pet."""
        return self._update(request, pet_id, partial=True)

    @extend_schema(
        operation_id="delete_pet", parameters=[EDITION], responses={204: None, **errors(401, 403, 404, 409, 412)}
    )
    def delete(self, request: Request, pet_id: UUID) -> Response:
        """Remove a pet that wears no collar."""
        services.delete_pet(pet=self._find(request, pet_id), match=match_of(request.headers))
        return Response(status=204)
