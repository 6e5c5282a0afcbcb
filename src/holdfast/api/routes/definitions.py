"""Backup definitions: how to back up one application."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1/backup_definitions", tags=["Backup definitions"])
