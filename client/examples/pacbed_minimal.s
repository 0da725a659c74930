// PACBED-CNN in Gatan Microscopy Suite, minimal example.
//
// Sends the front image to the service, shows the measured beside the simulated pattern,
// and stores the result as tags "PACBED:..." of the front image and of that picture.
// Needs the Python package pacbedclient in the Python of GMS.

// ---- Settings -------------------------------------------------------------------------

// Windows needs two seconds to learn that "localhost" is 127.0.0.1.
string url = "http://127.0.0.1:8230"
string systemName = "sto-001-200kV"	// name or ID; the service lists them at /systems
number convergence_mrad = 13.6		// convergence semi-angle
number timeLimit_s = 60

// ---- Python from DMScript -------------------------------------------------------------

// A text as an expression of Python. Written as numbers, no character can end it early.
string PyText( string text ) {
	string codes = ""
	number i
	for ( i = 0; i < len( text ); i++ ) {
		codes += asc( mid( text, i, 1 ) ) + ","
	}
	return "''.join(map(chr,[" + codes + "]))"
}

// Runs a call of pacbedclient.gms and waits until it is done. Python can return nothing to
// DMScript: the reply is in the persistent tags below "PACBED:Reply".
// The call is given without its first two arguments, DM and the number of the request, by
// which the reply is recognised.
// Returns what went wrong, "" for nothing.
string PacbedCall( string name, string arguments, number limit_s ) {
	number request = 0
	GetPersistentNumberNote( "PACBED:Requests", request )
	request = request + 1
	if ( request > 99999 ) {	// from 1e+06 on, a number becomes no whole number as text
		request = 1
	}
	SetPersistentNumberNote( "PACBED:Requests", request )

	string py = ""
	py += "import DigitalMicrograph as DM\n"
	py += "try:\n"
	py += "    from pacbedclient import gms\n"
	py += "    gms." + name + "(DM, " + request + ", " + arguments + ")\n"
	py += "except Exception as error:\n"
	py += "    tags = DM.GetPersistentTagGroup()\n"
	py += "    tags.SetTagAsString('PACBED:Reply:error', 'Python: ' + repr(error))\n"
	py += "    tags.SetTagAsLong('PACBED:Reply:request', " + request + ")\n"

	// 0: in this thread, so that the call waits for the result.
	number failed = 0
	try {
		ExecutePythonScriptString( py, 0 )
	}
	catch {
		failed = 1
		break
	}
	if ( failed ) {
		return "Python cannot be run. Is the Python environment of GMS installed?"
	}

	// Should a version of GMS not wait after all, this does, and not for ever.
	number answered = 0
	number waited_s = 0
	GetPersistentNumberNote( "PACBED:Reply:request", answered )
	while ( answered != request && waited_s < limit_s + 5 ) {
		sleep( 0.1 )
		waited_s = waited_s + 0.1
		GetPersistentNumberNote( "PACBED:Reply:request", answered )
	}
	if ( answered != request ) {
		return "Python did not reply. The results window may say why."
	}
	string problem = ""
	GetPersistentStringNote( "PACBED:Reply:error", problem )
	return problem
}

// Puts the three channels that Python has left into one picture.
void PacbedShowPicture( string title ) {
	image redChannel := GetNamedImage( "pacbed:viz_r" )
	image greenChannel := GetNamedImage( "pacbed:viz_g" )
	image blueChannel := GetNamedImage( "pacbed:viz_b" )
	image picture := rgb( redChannel, greenChannel, blueChannel )
	picture.SetName( title )
	picture.ShowImage()
	TagGroupCopyTagsFrom( picture.ImageGetTagGroup(), redChannel.ImageGetTagGroup() )
	DeleteImage( redChannel )
	DeleteImage( greenChannel )
	DeleteImage( blueChannel )
}

string PacbedReply( string name ) {
	string text = ""
	GetPersistentStringNote( "PACBED:Reply:" + name, text )
	return text
}

// ---- The example ----------------------------------------------------------------------

void Main() {
	if ( CountImageDocuments() == 0 ) {
		OKDialog( "PACBED: show a pattern first." )
		return
	}
	image front := GetFrontImage()
	string arguments = "" + front.ImageGetID() + ", " + PyText( systemName ) + ", "
	arguments += convergence_mrad + ", " + PyText( url ) + ", " + timeLimit_s
	string problem = PacbedCall( "infer", arguments, timeLimit_s )
	if ( problem != "" ) {
		OKDialog( "PACBED: " + problem )
		return
	}
	string text = "Thickness: " + PacbedReply( "thickness" ) + "\n"
	text += "Mistilt: " + PacbedReply( "mistilt" ) + "\n"
	text += PacbedReply( "status" ) + "\n" + PacbedReply( "warnings" )
	Result( "\nPACBED of " + front.GetName() + "\n" + text + "\n" )
	number hasPicture = 0
	GetPersistentNumberNote( "PACBED:Reply:picture", hasPicture )
	if ( hasPicture ) {
		PacbedShowPicture( "PACBED of " + front.GetName() )
	}
	OKDialog( text )
}

Main()
