"""Servers of the two protocols of object stores: S3 by moto, Azure Blob Storage by Azurite."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from azure.storage.blob import BlobServiceClient
from botocore.config import Config

from tests.support.node_packages import node_modules
from tests.support.waiting import TIMEOUT_SECONDS

S3_SERVER = """
import threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("listening on http://%s:%d" % server.get_host_and_port(), flush=True)
threading.Event().wait()
"""
# The account that every Azurite has; its documentation prints the key.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def _listening(command: list[str], folder: Path) -> Iterator[str]:
    """Starts a server on a port of its own choice and yields its address."""
    output = folder / "store.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        limit = time.monotonic() + TIMEOUT_SECONDS
        while not (found := re.search(r"listen\w* on (http://\S+)", output.read_text())):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < limit, output.read_text()
            time.sleep(0.05)
        yield found[1]
    finally:
        process.kill()
        process.wait()


class S3:
    """A server of the S3 protocol with the bucket `baskets`."""

    scheme, presigned_host = "s3", "baskets"

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = "s3://baskets/exports"
        self.missing_url = "s3://baskts/exports"
        self.environment = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="eu-central-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        where = {"LocationConstraint": "eu-central-1"}
        self.client.create_bucket(Bucket="baskets", CreateBucketConfiguration=where)

    def put(self, name: str) -> None:
        """Writes a foreign file to the bucket."""
        self.client.put_object(Bucket="baskets", Key=name, Body=b"foreign")

    def names(self) -> set[str]:
        """Returns the names of everything in the bucket."""
        found = self.client.list_objects_v2(Bucket="baskets").get("Contents", [])
        return {entry["Key"] for entry in found}

    def buckets(self) -> list[str]:
        """Returns the names of all buckets."""
        return [bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]]

    def delete(self, name: str) -> None:
        """Deletes a file behind our back."""
        self.client.delete_object(Bucket="baskets", Key=name)

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()


class Azure:
    """A server of the protocol of Azure Blob Storage with the container `baskets`."""

    scheme = "abfs"

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = "abfs://baskets/exports"
        self.missing_url = "abfs://baskts/exports"
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
            f"BlobEndpoint={address}/{AZURE_ACCOUNT};"
        )
        self.environment = {"AZURE_STORAGE_CONNECTION_STRING": connection}
        self.service = BlobServiceClient.from_connection_string(connection)
        self.service.create_container("baskets")
        self.container = self.service.get_container_client("baskets")

    def put(self, name: str) -> None:
        """Writes a foreign file to the container."""
        self.container.upload_blob(name, b"foreign", overwrite=True)

    def names(self) -> set[str]:
        """Returns the names of everything in the container."""
        return {str(blob.name) for blob in self.container.list_blobs()}

    def buckets(self) -> list[str]:
        """Returns the names of all containers."""
        return [str(container.name) for container in self.service.list_containers()]

    def delete(self, name: str) -> None:
        """Deletes a file behind our back."""
        self.container.delete_blob(name)

    def close(self) -> None:
        """Closes the connections."""
        self.container.close()
        self.service.close()


@contextmanager
def s3_store(folder: Path) -> Iterator[S3]:
    """Yields a store that speaks S3."""
    with _listening([sys.executable, "-c", S3_SERVER], folder) as address:
        store = S3(address)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def azure_store(folder: Path) -> Iterator[Azure]:
    """Yields a store that speaks the protocol of Azure."""
    program = str(node_modules() / ".bin" / "azurite-blob")
    options = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    with _listening([program, *options, "--disableTelemetry"], folder) as address:
        store = Azure(address)
        try:
            yield store
        finally:
            store.close()
