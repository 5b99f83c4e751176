"""/pets."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import PageQuery, page
from core.names import require_visible
from core.openapi import errors
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


class PetListView(APIView):
    @extend_schema(
        operation_id="pets_list",
        parameters=[PageQuery],
        responses={200: PetPageSerializer, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """The caller's pets, newest first."""
        return page(request, Pet.objects.visible_to(request.auth.user), PetSerializer)

    @extend_schema(request=PetSerializer, responses={201: PetSerializer, **errors(400, 401, 403, 409)})
    def post(self, request: Request) -> Response:
        """Add a pet."""
        reader = PetSerializer(data=request.data)
        reader.is_valid(raise_exception=True)
        made = services.create_pet(owner=request.auth.user, fields=reader.validated_data)
        return Response(PetSerializer(made).data, status=201)


class PetView(APIView):
    def _find(self, request: Request, pet_id: UUID) -> Pet:
        return get_object_or_404(Pet.objects.visible_to(request.auth.user), pk=pet_id)

    def _update(self, request: Request, pet_id: UUID, partial: bool) -> Response:
        pet = self._find(request, pet_id)
        reader = PetSerializer(pet, data=request.data, partial=partial)
        reader.is_valid(raise_exception=True)
        given = {key: value for key, value in reader.validated_data.items() if key in reader.initial_data}
        return Response(PetSerializer(services.update_pet(pet=pet, changes=given)).data)

    @extend_schema(responses={200: PetSerializer, **errors(401, 404)})
    def get(self, request: Request, pet_id: UUID) -> Response:
        """One pet."""
        return Response(PetSerializer(self._find(request, pet_id)).data)

    @extend_schema(request=PetSerializer, responses={200: PetSerializer, **errors(400, 401, 403, 404)})
    def put(self, request: Request, pet_id: UUID) -> Response:
        """Change a pet; `name` is required, what is left out stays."""
        return self._update(request, pet_id, partial=False)

    @extend_schema(request=PetSerializer(partial=True), responses={200: PetSerializer, **errors(400, 401, 403, 404)})
    def patch(self, request: Request, pet_id: UUID) -> Response:
        """Change some fields of a pet."""
        return self._update(request, pet_id, partial=True)

    @extend_schema(responses={204: None, **errors(401, 403, 404, 409)})
    def delete(self, request: Request, pet_id: UUID) -> Response:
        """Remove a pet that wears no collar."""
        services.delete_pet(pet=self._find(request, pet_id))
        return Response(status=204)
