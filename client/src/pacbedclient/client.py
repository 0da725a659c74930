"""The client: infer one pattern or many, list the systems, get simulated patterns."""

import io
import urllib.parse
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

import numpy as np

from pacbedclient.errors import AnswerError, PacbedClientError
from pacbedclient.many import in_threads
from pacbedclient.maps import fetch_map
from pacbedclient.own_systems import make_system
from pacbedclient.records import Estimate, System, estimate_from, system_from
from pacbedclient.stage import guidance_for
from pacbedclient.transport import Transport
from pacbedclient.wire import INFERENCE_PATH, inference_form, inference_parameters

DEFAULT_URL = "http://localhost:8230"


class Client:
    """A PACBED-CNN service.

    A client has no state and no open connection; threads may share it.

    Parameters
    ----------
    url : str
        Address of the service.
    timeout_s : float
        Time limit of every call, or of every pattern in :meth:`infer_many`, s. Waiting
        for a busy service counts.
    retries : int
        How often a request is sent again at most while the service is busy.

    Raises
    ------
    ValueError
        The address or the time limit is none.

    Examples
    --------
    >>> client = Client("http://localhost:8230")                        # doctest: +SKIP
    >>> print(client.infer(pattern, 13.6, system="sto-001-200kV"))      # doctest: +SKIP
    thickness 42.0 ± 1.2 nm, mistilt 2.2 ± 0.3 mrad (ok)
    """

    def __init__(self, url: str = DEFAULT_URL, timeout_s: float = 60.0, retries: int = 10) -> None:
        self._transport = Transport(url, timeout_s, retries)

    def __repr__(self) -> str:
        return f"Client({self._transport.address.url!r})"

    def infer(
        self,
        pattern: Any,
        convergence_mrad: Optional[float] = None,
        system: Optional[Union[str, int]] = None,
        material: Optional[str] = None,
        high_tension_kV: Optional[float] = None,
        zone_axis: Sequence[int] = (0, 0, 1),
        mrad_per_pixel: Optional[float] = None,
        refine: Optional[bool] = None,
        validation: bool = False,
        frame: Optional[Union[int, str]] = None,
        dataset: Optional[str] = None,
        mask: Any = None,
        pixel_aspect: Optional[float] = None,
        microscope: Any = None,
    ) -> Estimate:
        """Infer thickness and mistilt from one pattern.

        Parameters
        ----------
        pattern : array_like or path
            Intensities ``[row, column]``, of any real data type, byte and memory order;
            or a file that the service reads (dm3, dm4, tif, npy, mrc, emd, hspy, ...).
        convergence_mrad : float, optional
            Convergence semi-angle, mrad; without it the service finds it, which takes longer
            and needs a system.
        system : str or int, optional
            Name or ID. Without it, give the material and the high tension.
        material : str, optional
            Material, without regard to case.
        high_tension_kV : float, optional
            High tension, kV.
        zone_axis : sequence of int
            Direction [uvw], beside ``material``.
        mrad_per_pixel : float, optional
            Angle per pixel, where it is known, mrad.
        refine : bool, optional
            Whether a physical fit refines the network's answer; None leaves it to the
            service.
        validation : bool
            Whether to get the picture of measured beside simulated pattern.
        frame : int or "sum", optional
            Frame of a file that holds several, from 0, or all of them added.
        dataset : str, optional
            Array or signal of a file that holds several.
        mask : array_like or path, optional
            Not 0 where a pixel says nothing, such as a detector's bad pixels.
        pixel_aspect : float, optional
            Angle per row over angle per column, where pixels are not square.
        microscope : path, optional
            File of ``pacbed calibrate-microscope``: says what is not given of convergence
            semi-angle and angle per pixel, and the disks' shape.

        Returns
        -------
        Estimate

        Raises
        ------
        ValueError
            Neither a system nor material and high tension are given, or both are.
        PacbedClientError
            One of the classes below it.
        """
        parameters = inference_parameters(
            system, material, high_tension_kV, zone_axis, convergence_mrad
        )
        parameters["validation"] = validation
        if mrad_per_pixel is not None:
            parameters["mrad_per_pixel"] = mrad_per_pixel
        if refine is not None:
            parameters["refine"] = refine
        if pixel_aspect is not None:
            parameters["pixel_aspect"] = pixel_aspect
        body, content_type = inference_form(
            pattern, parameters, mask, microscope, frame=frame, dataset=dataset
        )
        answer = self._transport.send_for_json("POST", INFERENCE_PATH, body, content_type)
        return estimate_from(answer)

    def infer_many(
        self,
        patterns: Iterable[Any],
        convergence_mrad: Optional[float] = None,
        concurrency: int = 4,
        progress: Optional[Callable[[int, int], Any]] = None,
        return_errors: bool = False,
        **parameters: Any,
    ) -> List[Any]:
        """Infer many patterns with several requests at once.

        Parameters
        ----------
        patterns : iterable
            Patterns as for :meth:`infer`; an array of three dimensions is a stack.
        convergence_mrad : float, optional
            Convergence semi-angle of all of them, mrad.
        concurrency : int
            Requests at once.
        progress : callable, optional
            Called in this thread with the number of patterns done and their number.
        return_errors : bool
            Whether a pattern that fails leaves its error in the result instead of
            ending the whole call.
        **parameters
            As for :meth:`infer`.

        Returns
        -------
        list of Estimate
            In the order of the patterns.

        Raises
        ------
        ValueError, PacbedClientError
            As for :meth:`infer`, at the first pattern that fails.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency = {concurrency}: give at least 1")

        def infer_one(pattern: Any) -> Any:
            try:
                return self.infer(pattern, convergence_mrad, **parameters)
            except PacbedClientError as error:
                if return_errors:
                    return error
                raise

        return in_threads(infer_one, list(patterns), concurrency, progress)

    def infer_map(
        self,
        scan: Any,
        convergence_mrad: Optional[float],
        system: Union[str, int],
        window: Optional[Sequence[int]] = None,
        stride: Optional[Sequence[int]] = None,
        scan_step_nm: Optional[float] = None,
        mrad_per_pixel: Optional[float] = None,
        refine: Optional[bool] = None,
        limit_s: float = 3600.0,
        progress: Optional[Callable[[int, int], Any]] = None,
        detector_mask: Any = None,
        scan_rotation_deg: Optional[float] = None,
        flip_y: bool = False,
        pixel_aspect: Optional[float] = None,
        dataset: Optional[str] = None,
        scan_shape: Optional[Sequence[int]] = None,
        microscope: Any = None,
    ) -> Dict[str, Any]:
        """Infer thickness and mistilt over a small 4D-STEM scan.

        Parameters
        ----------
        scan : array_like or path
            Intensities ``[scan row, scan column, row, column]``, or a file that the
            service reads.
        convergence_mrad : float or None
            Convergence semi-angle, mrad; None where it is to be found, which takes longer.
        system : str or int
            Name or ID.
        window, stride : sequence of int, optional
            Scan positions (rows, columns) in one pattern, and from one to the next.
            Without a window it is one unit cell, for which the step must be known.
        scan_step_nm : float, optional
            Distance of scan positions where the file does not hold it, nm.
        mrad_per_pixel : float, optional
            Angle per pixel, where it is known, mrad.
        refine : bool, optional
            Whether a physical fit refines the network's answers.
        limit_s : float
            Longest time for the map, s.
        progress : callable, optional
            Called with the number of windows done and their number.
        detector_mask : array_like or path, optional
            Not 0 where a pixel of the detector says nothing, such as its bad pixels.
        scan_rotation_deg : float, optional
            Turns vectors of the pattern, from +x to the right towards +y downwards, to be
            vectors of the scan, degrees; the maps then have ``scan_tilt_x_mrad`` and
            ``scan_tilt_y_mrad`` too.
        flip_y : bool
            The pattern's y is reversed before it is turned.
        pixel_aspect : float, optional
            Angle per row over angle per column of the detector, where its pixels are not square.
        dataset : str, optional
            Array or signal of a file that holds several.
        scan_shape : sequence of int, optional
            Scan rows and columns, of a file with one long series of frames.
        microscope : path, optional
            File of ``pacbed calibrate-microscope``: says convergence semi-angle and angle per
            pixel where they are not given.

        Returns
        -------
        dict
            Arrays of one entry for each window, such as ``thickness_nm``,
            ``tilt_x_mrad``, ``status`` and ``jump``; ``description`` is a dict with
            names of the status, settings and provenance.

        Raises
        ------
        PacbedClientError
            One of the classes below it.
        """
        parameters = {
            "system": system,
            "convergence_mrad": convergence_mrad,
            "window": None if window is None else [int(n) for n in window],
            "stride": None if stride is None else [int(n) for n in stride],
            "scan_step_nm": scan_step_nm,
            "mrad_per_pixel": mrad_per_pixel,
            "refine": refine,
            "scan_rotation_deg": scan_rotation_deg,
            "flip_y": True if flip_y else None,
            "pixel_aspect": pixel_aspect,
            "dataset": dataset,
            "scan_shape": None if scan_shape is None else [int(n) for n in scan_shape],
        }
        return fetch_map(
            self._transport, scan, parameters, limit_s, progress, detector_mask, microscope
        )

    def add_system(
        self,
        cif: Any,
        zone_axis: str,
        high_tension_kV: float,
        limit_s: float = 600.0,
        progress: Optional[Callable[[float, Optional[float]], Any]] = None,
        **fields: Any,
    ) -> Dict[str, Any]:
        """Have a system made from a structure file, and wait for it.

        Parameters
        ----------
        cif : path
            The structure.
        zone_axis : str
            Direction along the beam, such as ``"1 1 0"``.
        high_tension_kV : float
            High tension, kV.
        limit_s : float
            Longest time, s.
        progress : callable, optional
            Called with the finished share and the seconds that are left, or None.
        **fields
            ``convergence_mrad`` (one angle, or ``"8/20"``), ``thickness_max_nm``,
            ``mistilt_max_mrad``, ``b`` (``"Ga=0.3,N=0.35"``) and ``name``.

        Returns
        -------
        dict
            The job: ``name`` is the system for :meth:`infer`, ``understood`` what was read.

        Raises
        ------
        PacbedClientError
            One of the classes below it.
        """
        given = {"zone_axis": zone_axis, "high_tension_kV": high_tension_kV, **fields}
        return make_system(self._transport, cif, given, limit_s, progress)

    def guidance(
        self,
        estimate: Estimate,
        patterns: List[Dict[str, Any]],
        mirrored: Optional[bool] = None,
        alpha_deg: Optional[float] = None,
    ) -> Optional[Dict[str, Any]]:
        """Say how to tilt the stage so that the zone axis comes to the disk's centre.

        Parameters
        ----------
        estimate : Estimate
            Where the zone axis is seen.
        patterns : list of dict
            Patterns at known angles: ``alpha_deg``, ``beta_deg``, ``tilt_x_mrad``,
            ``tilt_y_mrad``, ``tilt_std_mrad``; or :func:`pacbedclient.stage.stated_axes`.
        mirrored : bool, optional
            The hand of the stage, where it is known.
        alpha_deg : float, optional
            Where α is, degrees: β counts by its cosine. By default where it was at the last
            pattern.

        Returns
        -------
        dict or None
            ``alpha_deg``, ``beta_deg``, ``alpha_std_deg``, ``beta_std_deg``, ``decided``,
            ``left_mrad`` and ``words``; None where the answer must not be used, or has no
            direction.

        Raises
        ------
        PacbedClientError
            One of the classes below it.
        """
        return guidance_for(self._transport, estimate, patterns, mirrored, alpha_deg)

    def systems(self) -> List[System]:
        """Return the systems that the service knows.

        Raises
        ------
        PacbedClientError
            One of the classes below it.
        """
        answer = self._transport.send_for_json("GET", "/systems")
        entries = answer.get("systems") if isinstance(answer, dict) else answer
        if not isinstance(entries, list):
            raise AnswerError("the service's list of systems is not one")
        return [system_from(entry) for entry in entries]

    def pattern(
        self,
        system: Union[str, int],
        thickness_nm: float,
        convergence_mrad: float,
        tilt_x_mrad: float = 0.0,
        tilt_y_mrad: float = 0.0,
        rotation_deg: float = 0.0,
        mrad_per_pixel: Optional[float] = None,
        size: int = 256,
    ) -> Any:
        """Get a simulated pattern, without noise and background.

        Parameters
        ----------
        system : str or int
            Name or ID.
        thickness_nm : float
            Thickness along the zone axis, nm.
        convergence_mrad : float
            Convergence semi-angle, mrad.
        tilt_x_mrad, tilt_y_mrad : float
            Position of the zone axis, seen from the centre of the bright-field disk:
            columns to the right, rows downwards, mrad.
        rotation_deg : float
            Turn of the crystal from +x towards +y, degrees.
        mrad_per_pixel : float, optional
            Angle per pixel, mrad; by default the simulated field fills the picture.
        size : int
            Rows and columns.

        Returns
        -------
        numpy.ndarray
            Share of the incident beam in each pixel, ``[row, column]``.

        Raises
        ------
        PacbedClientError
            One of the classes below it.
        """
        query = {
            "system": system,
            "thickness_nm": thickness_nm,
            "convergence_mrad": convergence_mrad,
            "tilt_x_mrad": tilt_x_mrad,
            "tilt_y_mrad": tilt_y_mrad,
            "rotation_deg": rotation_deg,
            "size": size,
            "format": "npy",
        }
        if mrad_per_pixel is not None:
            query["mrad_per_pixel"] = mrad_per_pixel
        body = self._transport.send("GET", "/pattern/?" + urllib.parse.urlencode(query)).body
        try:
            return np.load(io.BytesIO(body), allow_pickle=False)
        except (ValueError, OSError, EOFError):
            raise AnswerError("the service's pattern is not an array") from None
