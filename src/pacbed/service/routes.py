"""Routes that take a pattern: inference of one, of a stack, and a look into a file."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import Json

from pacbed.errors import OutOfRangeError, PacbedError
from pacbed.service.failures import ClientGoneError, classify
from pacbed.service.queue import Place
from pacbed.service.schemas import (
    FileParameters,
    Parameters,
    Preview,
    Problem,
)
from pacbed.service.schemas_answer import Answer, BatchAnswer, BatchItem, Views
from pacbed.service.services import services_of, work_for, work_for_each
from pacbed.service.uploads import Upload
from pacbed.service.views import ViewParameters, draw_views

router = APIRouter()

_WORDS = {
    400: "The request or its file cannot be read.",
    403: "A web page of another host or port asked.",
    404: "No installed system fits.",
    408: "The body arrived too slowly.",
    413: "The body is too large.",
    415: "The format needs a package that the service lacks.",
    421: "The service does not answer to this name.",
    422: "Parameters or pattern cannot be used.",
    503: "The queue is full, or the system's model is broken.",
    504: "The work took too long.",
    507: "The disk of the service is full.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words} for status, words in _WORDS.items()
}

ParametersForm = Annotated[
    Json[Parameters],
    Form(
        description="JSON text; see the schema `Parameters`.",
        examples=[
            '{"physical_params": {"acceleration_voltage": 300000, "crystal_structure": '
            '"Strontium Titanate", "zone_axis": {"u": 0, "v": 0, "w": 1}, "convergence_angle": '
            '20.0}, "file_params": {"typ": "raw", "dtype": "uint16", "width": 256, '
            '"height": 256}}',
            '{"system": "sto-001-300kV", "convergence_angle": 20, "file_params": {"typ": "auto"}}',
        ],
    ),
]
PatternFile = Annotated[
    UploadFile, File(description="The pattern: raw pixels row by row, or a file.")
]

MaskFile = Annotated[
    UploadFile | None,
    File(
        description="A file of the pattern's size, not 0 where a pixel says nothing, such as a "
        "detector's bad pixels. Dead lines, gaps, saturation and a beam stop are found without it."
    ),
]

MicroscopeFile = Annotated[
    UploadFile | None,
    File(
        description="What `pacbed calibrate-microscope` wrote: angle per pixel, ellipticity and "
        "convergence angle of the session. It goes before what the pattern's file says, and after "
        "the parameters."
    ),
]


@router.post("/inference/", response_model=Answer, responses=PROBLEMS, tags=["inference"])
async def inference(
    request: Request,
    parameters: ParametersForm,
    file: PatternFile,
    mask: MaskFile = None,
    microscope: MicroscopeFile = None,
) -> Answer:
    r"""Find thickness and mistilt of one pattern.

    With curl:

        curl http://localhost:8230/inference/ -F file=@pattern.dm4 \
             -F 'parameters={"system": "sto-001-300kV", "convergence_angle": 20}'

    `thickness` is in Å, as it always was; `thickness_nm` and everything beside it has its
    unit in its name. Look at `status` before using a number.
    """
    masking = b"" if mask is None else await mask.read()
    session = await _session(microscope)
    with (
        Upload(await file.read(), file.filename) as upload,
        Upload(masking, None if mask is None else mask.filename) as masked,
    ):
        answer = services_of(request).inference.answer
        frame, given = parameters.file_params.frame, None if mask is None else masked
        return await work_for(
            request, lambda place: answer(place, upload, parameters, frame, given, session)
        )


@router.post("/inference/batch/", response_model=BatchAnswer, responses=PROBLEMS,
             tags=["inference"])  # fmt: skip
async def inference_batch(
    request: Request,
    parameters: ParametersForm,
    file: PatternFile,
    mask: MaskFile = None,
    microscope: MicroscopeFile = None,
) -> BatchAnswer:
    """Find thickness and mistilt of every frame of a stack.

    The answers come in the order of the frames. A frame that cannot be used has a
    `problem` in place of its answer, and does not spoil the others. Raw pixels need
    `file_params.frames`. There are no validation pictures unless `validation` asks
    for them.
    """
    services, session = services_of(request), await _session(microscope)
    if "validation" not in parameters.model_fields_set:
        parameters = parameters.model_copy(update={"validation": False})

    def frame_answer(place: Place, number: int) -> BatchItem:
        try:
            answer = services.inference.answer(place, upload, parameters, number, masked, session)
        except ClientGoneError:
            raise
        except PacbedError as error:
            _, code = classify(error)
            return BatchItem(frame=number, problem=Problem(code=code, detail=str(error)))
        return BatchItem(frame=number, answer=answer)

    def count(_: Place) -> int:
        services.inference.choose(parameters)
        return services.inference.read(upload, parameters.file_params, 0).frames

    masking = b"" if mask is None else await mask.read()
    with (
        Upload(await file.read(), file.filename) as upload,
        Upload(masking, None if mask is None else mask.filename) as sent,
    ):
        masked = None if mask is None else sent
        frames = await work_for(request, count)
        if frames > services.settings.max_frames:
            raise OutOfRangeError(
                f"{upload.name}: holds {frames} frames, and one request may have "
                f"{services.settings.max_frames}: send them in several requests"
            )
        return BatchAnswer(results=await work_for_each(request, range(frames), frame_answer))


async def _session(file: UploadFile | None) -> Upload | None:
    """The calibration of a microscope that came with a request; it is parsed with the work."""
    return None if file is None else Upload(await file.read(), file.filename)


@router.post("/preview/", response_model=Preview, responses=PROBLEMS, tags=["inference"])
async def preview(
    request: Request,
    file: PatternFile,
    file_params: Annotated[
        Json[FileParameters] | None,
        Form(description="JSON text; see the schema `FileParameters`."),
    ] = None,
) -> Preview:
    """Look into a file: its frames, a small picture, and what it says of its recording."""
    from pacbed.service.pictures import preview as picture

    services = services_of(request)
    chosen = file_params or FileParameters()
    frame = chosen.frame or 0
    with Upload(await file.read(), file.filename) as upload:
        return await work_for(
            request,
            lambda _: picture(services.inference.read(upload, chosen, frame), upload.name, frame),
        )


@router.post("/views/", response_model=Views, responses=PROBLEMS, tags=["inference"])
async def views(
    request: Request,
    parameters: Annotated[
        Json[ViewParameters],
        Form(
            description="JSON text; see the schema `ViewParameters`.",
            examples=[
                '{"system": "sto-001-300kV", "thickness_nm": 41.6, "tilt_x_mrad": 1.6, '
                '"tilt_y_mrad": 1.46, "rotation_deg": 16.96, "convergence_mrad": 19.98, '
                '"mrad_per_pixel": 0.2807, "center_row_px": 131.55, "center_column_px": 122.35}'
            ],
        ),
    ],
    file: PatternFile,
    mask: MaskFile = None,
) -> Views:
    """Draw the measured and the simulated pattern of an answer that was given before."""
    services = services_of(request)
    masking = b"" if mask is None else await mask.read()
    with (
        Upload(await file.read(), file.filename) as upload,
        Upload(masking, None if mask is None else mask.filename) as sent,
    ):
        masked = None if mask is None else sent
        return await work_for(
            request,
            lambda _: draw_views(services.catalogue, services.readers, upload, parameters, masked),
        )
