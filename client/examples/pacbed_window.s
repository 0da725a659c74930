// PACBED-CNN in Gatan Microscopy Suite, with a window.
//
// Takes the front image or acquires one, asks the service for thickness and mistilt, and
// shows the measured beside the simulated pattern. The result is stored as tags
// "PACBED:..." of the image and of that picture. Answers at two positions of the stage
// calibrate it: then the window and the image say where to tilt.
// Needs the Python package pacbedclient in the Python of GMS.
//
// To acquire a PACBED pattern, let the probe scan over at least one unit cell during the
// whole exposure before pressing the button.

number timeLimit_s = 60
// Windows needs two seconds to learn that "localhost" is 127.0.0.1.
string defaultUrl = "http://127.0.0.1:8230"

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

// ---- Settings and systems, in persistent tags ------------------------------------------

string PacbedSetting( string name, string otherwise ) {
	string text = otherwise
	if ( !GetPersistentStringNote( "PACBED:Settings:" + name, text ) ) {
		text = otherwise
	}
	return text
}

number PacbedNumber( string path, number otherwise ) {
	number value = otherwise
	if ( !GetPersistentNumberNote( "PACBED:" + path, value ) ) {
		value = otherwise
	}
	return value
}

string PacbedSystem( number index, string name ) {
	string text = ""
	GetPersistentStringNote( "PACBED:Systems:" + index + ":" + name, text )
	return text
}

// Asks the service for its systems until it answers; 0 where the user gives up.
number PacbedConnect() {
	string url = PacbedSetting( "url", defaultUrl )
	while ( 1 ) {
		string problem = PacbedCall( "systems", PyText( url ) + ", " + timeLimit_s, timeLimit_s )
		if ( problem == "" && PacbedNumber( "Systems:count", 0 ) == 0 ) {
			problem = "The service has no systems."
		}
		if ( problem == "" ) {
			SetPersistentStringNote( "PACBED:Settings:url", url )
			return 1
		}
		OKDialog( "PACBED: " + problem )
		if ( !GetString( "Address of the PACBED service:", url, url ) ) {
			return 0
		}
	}
}

// ---- The window -----------------------------------------------------------------------

class PacbedWindow : UIFrame {
	image pattern
	number hasPattern
	number pattern_kV

	void Say( object self, string identifier, string text ) {
		self.LookUpElement( identifier ).DLGTitle( text )
	}

	void Complain( object self, string text ) {
		self.Say( "#status", text )
		self.ValidateView()
		OKDialog( "PACBED: " + text )
	}

	TagGroup LabelledField( object self, string text, TagGroup element ) {
		TagGroup items
		TagGroup group = DLGCreateGroup( items )
		items.DLGAddElement( DLGCreateLabel( text, 26 ) )
		items.DLGAddElement( element )
		group.DLGTableLayout( 2, 1, 0 )
		return group
	}

	TagGroup TextLine( object self, string identifier, string text ) {
		return DLGCreateLabel( text, 62 ).DLGIdentifier( identifier )
	}

	TagGroup SystemChoice( object self ) {
		TagGroup entries
		string last = PacbedSetting( "system", "" )
		number count = PacbedNumber( "Systems:count", 0 )
		number selected = 0
		number i
		for ( i = 0; i < count; i++ ) {
			if ( PacbedSystem( i, "name" ) == last ) {
				selected = i
			}
		}
		TagGroup choice = DLGCreateChoice( entries, selected ).DLGIdentifier( "#system" )
		for ( i = 0; i < count; i++ ) {
			choice.DLGAddChoiceItemEntry( PacbedSystem( i, "label" ) )
		}
		return choice
	}

	TagGroup PatternBox( object self ) {
		TagGroup items
		TagGroup box = DLGCreateBox( "Pattern", items )
		TagGroup exposure = DLGCreateRealField( PacbedNumber( "Settings:exposure_s", 1 ), 10, 4 )
		TagGroup binning = DLGCreateIntegerField( PacbedNumber( "Settings:binning", 1 ), 10 )
		items.DLGAddElement( DLGCreatePushButton( "Use front image", "OnFrontImage" ) )
		items.DLGAddElement( self.LabelledField( "Exposure (s):", exposure.DLGIdentifier( "#exposure" ) ) )
		items.DLGAddElement( self.LabelledField( "Binning:", binning.DLGIdentifier( "#binning" ) ) )
		items.DLGAddElement( DLGCreatePushButton( "Acquire", "OnAcquire" ) )
		items.DLGAddElement( self.TextLine( "#pattern", "No pattern yet" ) )
		items.DLGAddElement( self.TextLine( "#voltage", "High tension: not known" ) )
		return box
	}

	TagGroup ConditionsBox( object self ) {
		TagGroup items
		TagGroup box = DLGCreateBox( "Conditions", items )
		number convergence_mrad = PacbedNumber( "Settings:convergence_mrad", 20 )
		TagGroup convergence = DLGCreateRealField( convergence_mrad, 10, 4 )
		items.DLGAddElement( self.LabelledField( "System:", self.SystemChoice() ) )
		items.DLGAddElement( self.LabelledField( "Convergence semi-angle (mrad):", convergence.DLGIdentifier( "#convergence" ) ) )
		return box
	}

	TagGroup ResultBox( object self ) {
		TagGroup items
		TagGroup box = DLGCreateBox( "Result", items )
		items.DLGAddElement( DLGCreatePushButton( "Infer thickness and mistilt", "OnInfer" ) )
		items.DLGAddElement( self.TextLine( "#thickness", "Thickness: ..." ) )
		items.DLGAddElement( self.TextLine( "#mistilt", "Mistilt: ..." ) )
		items.DLGAddElement( self.TextLine( "#status", "" ) )
		items.DLGAddElement( self.TextLine( "#warnings", "" ) )
		return box
	}

	TagGroup StageBox( object self ) {
		TagGroup items
		TagGroup box = DLGCreateBox( "Where to tilt", items )
		TagGroup alpha = DLGCreateRealField( 0, 10, 4 )
		TagGroup beta = DLGCreateRealField( 0, 10, 4 )
		items.DLGAddElement( self.LabelledField( "Stage, alpha (degrees):", alpha.DLGIdentifier( "#alpha" ) ) )
		items.DLGAddElement( self.LabelledField( "Stage, beta (degrees):", beta.DLGIdentifier( "#beta" ) ) )
		items.DLGAddElement( DLGCreatePushButton( "Add this answer to the stage's calibration", "OnAddToStage" ) )
		items.DLGAddElement( DLGCreatePushButton( "Forget the calibration", "OnForgetStage" ) )
		items.DLGAddElement( self.TextLine( "#guidance", "" ) )
		return box
	}

	Object Init( object self ) {
		TagGroup items
		TagGroup dialogTags = DLGCreateDialog( "PACBED thickness", items )
		items.DLGAddElement( self.PatternBox() )
		items.DLGAddElement( self.ConditionsBox() )
		items.DLGAddElement( self.ResultBox() )
		items.DLGAddElement( self.StageBox() )
		hasPattern = 0
		pattern_kV = 0
		return self.super.Init( dialogTags )
	}

	// Takes an image as the pattern, and the system of its high tension.
	void TakePattern( object self, image img ) {
		if ( img.ImageGetNumDimensions() != 2 ) {
			self.Complain( "A pattern has two dimensions. Show a single pattern." )
			return
		}
		pattern := img
		hasPattern = 1
		pattern_kV = 0
		self.Say( "#pattern", img.GetName() )
		number voltage_V = 0
		TagGroup tags = img.ImageGetTagGroup()
		if ( tags.TagGroupGetTagAsNumber( "Microscope Info:Voltage", voltage_V ) && voltage_V > 0 ) {
			pattern_kV = voltage_V / 1000
			self.Say( "#voltage", "High tension: " + pattern_kV + " kV" )
			self.ChooseSystem()
		}
		else {
			self.Say( "#voltage", "High tension: not in the tags of this image" )
		}
		self.TakeStage( tags )
		self.Say( "#thickness", "Thickness: ..." )
		self.Say( "#mistilt", "Mistilt: ..." )
		self.Say( "#status", "" )
		self.Say( "#warnings", "" )
		self.Say( "#guidance", "" )
		self.ValidateView()
	}

	// Takes the angles of the stage from the tags of an image, where it has both.
	void TakeStage( object self, TagGroup tags ) {
		number alpha = 0
		number beta = 0
		string place = "Microscope Info:Stage Position:"
		if ( tags.TagGroupGetTagAsNumber( place + "Stage Alpha", alpha ) && tags.TagGroupGetTagAsNumber( place + "Stage Beta", beta ) ) {
			self.LookUpElement( "#alpha" ).DLGValue( alpha )
			self.LookUpElement( "#beta" ).DLGValue( beta )
		}
	}

	number FitsVoltage( object self, number index ) {
		return abs( PacbedNumber( "Systems:" + index + ":high_tension_kV", 0 ) - pattern_kV ) <= 1
	}

	// Selects the first system of the pattern's high tension, unless the selected one is.
	void ChooseSystem( object self ) {
		TagGroup choice = self.LookUpElement( "#system" )
		if ( self.FitsVoltage( choice.DLGGetValue() ) ) {
			return
		}
		number count = PacbedNumber( "Systems:count", 0 )
		number i
		for ( i = 0; i < count; i++ ) {
			if ( self.FitsVoltage( i ) ) {
				choice.DLGValue( i )
				return
			}
		}
	}

	void OnFrontImage( object self ) {
		if ( CountImageDocuments() == 0 ) {
			self.Complain( "There is no image. Show a pattern first." )
			return
		}
		image front := GetFrontImage()
		self.TakePattern( front )
	}

	void OnAcquire( object self ) {
		number exposure_s = self.LookUpElement( "#exposure" ).DLGGetValue()
		number binning = self.LookUpElement( "#binning" ).DLGGetValue()
		if ( exposure_s <= 0 || binning < 1 ) {
			self.Complain( "Give an exposure above 0 s and a binning from 1 on." )
			return
		}
		SetPersistentNumberNote( "PACBED:Settings:exposure_s", exposure_s )
		SetPersistentNumberNote( "PACBED:Settings:binning", binning )
		number failed = 0
		try {
			// 3: dark and gain corrected
			object camera = CM_GetCurrentCamera()
			object settings = CM_CreateAcquisitionParameters_FullCCD( camera, 3, exposure_s, binning, binning )
			image acquired := CM_AcquireImage( camera, settings )
			acquired.SetName( "PACBED" )
			acquired.ShowImage()
			self.TakePattern( acquired )
		}
		catch {
			failed = 1
			break
		}
		if ( failed ) {
			self.Complain( "The camera gave no image. Is it inserted and free?" )
		}
	}

	// Whether the pattern and the conditions can be sent; says why where they cannot.
	number CanInfer( object self, number index, number convergence_mrad ) {
		if ( !hasPattern ) {
			self.Complain( "Take the front image or acquire a pattern first." )
			return 0
		}
		if ( !pattern.ImageIsValid() ) {
			self.Complain( "The image has been closed. Take another one." )
			return 0
		}
		string place = "Systems:" + index + ":"
		number low = PacbedNumber( place + "convergence_min_mrad", 0 )
		number high = PacbedNumber( place + "convergence_max_mrad", 1000 )
		if ( convergence_mrad < low || convergence_mrad > high ) {
			self.Complain( "This system covers convergence semi-angles from " + low + " to " + high + " mrad." )
			return 0
		}
		if ( pattern_kV > 0 && !self.FitsVoltage( index ) ) {
			string question = "The image was recorded at " + pattern_kV + " kV, the system is another one."
			return TwoButtonDialog( question, "Infer", "Cancel" )
		}
		return 1
	}

	void OnInfer( object self ) {
		number index = self.LookUpElement( "#system" ).DLGGetValue()
		number convergence_mrad = self.LookUpElement( "#convergence" ).DLGGetValue()
		if ( !self.CanInfer( index, convergence_mrad ) ) {
			return
		}
		string systemName = PacbedSystem( index, "name" )
		SetPersistentNumberNote( "PACBED:Settings:convergence_mrad", convergence_mrad )
		SetPersistentStringNote( "PACBED:Settings:system", systemName )
		self.Say( "#status", "Waiting for the service ..." )
		self.ValidateView()
		string url = PacbedSetting( "url", defaultUrl )
		string arguments = "" + pattern.ImageGetID() + ", " + PyText( systemName ) + ", "
		arguments += convergence_mrad + ", " + PyText( url ) + ", " + timeLimit_s
		string problem = PacbedCall( "infer", arguments, timeLimit_s )
		if ( problem != "" ) {
			self.Complain( problem )
			return
		}
		self.Say( "#thickness", "Thickness: " + PacbedReply( "thickness" ) )
		self.Say( "#mistilt", "Mistilt: " + PacbedReply( "mistilt" ) )
		self.Say( "#status", PacbedReply( "status" ) )
		self.Say( "#warnings", PacbedReply( "warnings" ) )
		self.Say( "#guidance", PacbedReply( "guidance" ) )
		self.ValidateView()
		if ( PacbedNumber( "Reply:picture", 0 ) ) {
			PacbedShowPicture( "PACBED of " + pattern.GetName() )
		}
	}

	// Takes the answer into the calibration of the stage, and says where to tilt.
	void OnAddToStage( object self ) {
		if ( !hasPattern ) {
			self.Complain( "Take the front image or acquire a pattern first." )
			return
		}
		if ( !pattern.ImageIsValid() ) {
			self.Complain( "The image has been closed. Take another one." )
			return
		}
		number alpha = self.LookUpElement( "#alpha" ).DLGGetValue()
		number beta = self.LookUpElement( "#beta" ).DLGGetValue()
		string url = PacbedSetting( "url", defaultUrl )
		string arguments = "" + pattern.ImageGetID() + ", " + alpha + ", " + beta + ", "
		arguments += PyText( url ) + ", " + timeLimit_s
		string problem = PacbedCall( "add_to_stage", arguments, timeLimit_s )
		if ( problem != "" ) {
			self.Complain( problem )
			return
		}
		self.Say( "#guidance", PacbedReply( "guidance" ) )
		self.ValidateView()
	}

	void OnForgetStage( object self ) {
		string problem = PacbedCall( "forget_stage", "", timeLimit_s )
		if ( problem != "" ) {
			self.Complain( problem )
			return
		}
		self.Say( "#guidance", "The stage is not calibrated." )
		self.ValidateView()
	}
}

void Main() {
	if ( PacbedConnect() ) {
		Object dialog = Alloc( PacbedWindow ).Init()
		dialog.Display( "PACBED thickness" )
	}
}

Main()
